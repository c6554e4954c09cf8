#pragma once
#include "preamble.h"

/* Two channels travel in one 32-bit word as high * 65536 + low, the little end first: sums, differences and shifts are
 * exact on both at once, and `halves` leaves each in its own 16 bits. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "These kernels need a little-endian core."
#endif
#if defined(__GNUC__)
typedef uint32_t __attribute__((may_alias)) edgekit_word;
typedef int16_t __attribute__((may_alias)) edgekit_half;
#else
typedef uint32_t edgekit_word;
typedef int16_t edgekit_half;
#endif
#define halves(sum) (((sum) + 0x8000u) ^ 0x8000u)

/* Channels `first` and `first` + 2 of the four at p: for a count of channels that fours divide, so that words are
 * aligned, and for any other. */
#define LOAD_WORD(p, first) ((*(const edgekit_word *)(const void *)(p) >> 8 * (first)) & 0x00ff00ffu)
#define LOAD_BYTES(p, first) ((uint32_t)(p)[first] | (uint32_t)(p)[(first) + 2] << 16)
