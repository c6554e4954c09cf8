/* What every generated program begins with. */
#pragma once
#include <stdint.h>
#include <string.h>

/* 1 where the core multiplies 32 x 32 -> 64 bits quickly; the other way gives the same results. */
#ifndef EDGEKIT_HIGH_MULTIPLY
#if defined(__XTENSA__) && !defined(ESP_PLATFORM)
#define EDGEKIT_HIGH_MULTIPLY 0
#else
#define EDGEKIT_HIGH_MULTIPLY 1
#endif
#endif

/* Where an ESP32 is to have the loops that take the time: in its RAM for code, if the application asks for that, whose
 * Wi-Fi and Bluetooth need that RAM as well; elsewhere no place of their own. */
#ifndef EDGEKIT_HOT
#if defined(ESP_PLATFORM) && defined(EDGEKIT_LOOPS_IN_IRAM)
#define EDGEKIT_HOT __attribute__((section(".iram1.edgekit")))
#else
#define EDGEKIT_HOT
#endif
#endif

/* Not merged into its caller, so that its loops have all the registers. */
#if defined(__GNUC__)
#define EDGEKIT_APART __attribute__((noinline)) EDGEKIT_HOT
#define EDGEKIT_RARELY(condition) __builtin_expect(condition, 0)
#else
#define EDGEKIT_APART EDGEKIT_HOT
#define EDGEKIT_RARELY(condition) (condition)
#endif

/* Constants that an ESP32 is to have in RAM, where no cache stands before them. */
#ifndef EDGEKIT_IN_RAM
#if defined(ESP_PLATFORM)
#define EDGEKIT_IN_RAM __attribute__((section(".dram1.edgekit")))
#elif defined(__XTENSA__)
#define EDGEKIT_IN_RAM __attribute__((section(".data.edgekit")))
#else
#define EDGEKIT_IN_RAM
#endif
#endif

/* gcc on Xtensa moves so many loads ahead that it runs out of registers: half as many instructions again. */
#if defined(__XTENSA__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns,no-tree-reassoc")
#define EDGEKIT_IN_ORDER __asm__ volatile("" ::: "memory");
#define EDGEKIT_NOW(value) __asm__ volatile("" : "+r"(value)::"memory");
#define EDGEKIT_IN(name) __asm__(#name)
#else
#define EDGEKIT_IN_ORDER
#define EDGEKIT_NOW(value)
#define EDGEKIT_IN(name)
#endif
