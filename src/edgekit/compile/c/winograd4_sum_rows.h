#pragma once
#include "mac16.h"
#include "winograd4_transforms.h"

/* The first half of A^T m A: the six rows of sums at m, which lie `apart` behind each other, become rows of four. */
#if EDGEKIT_MAC16
#define WINOGRAD4_SUM_ROWS(m, rows, apart)                                                                            \
  {                                                                                                                   \
    const uint32_t *from = (m);                                                                                       \
    uint32_t *to = (rows), near = 6, a0, a1, a2, a3, a4, a5;                                                          \
    __asm__ volatile(                                                                                                 \
        "loopnez %[near], 1f\n"                                                                                       \
        "l32i %[a0], %[from], %[at0]\n"                                                                               \
        "l32i %[a1], %[from], %[at1]\n"                                                                               \
        "l32i %[a2], %[from], %[at2]\n"                                                                               \
        "l32i %[a3], %[from], %[at3]\n"                                                                               \
        "l32i %[a4], %[from], %[at4]\n"                                                                               \
        "l32i %[a5], %[from], %[at5]\n"                                                                               \
        "add %[from], %[from], %[on]\n"                                                                               \
        "add %[near], %[a1], %[a2]\n"                                                                                 \
        "sub %[a1], %[a1], %[a2]\n"                                                                                   \
        "add %[a2], %[a3], %[a4]\n"                                                                                   \
        "sub %[a3], %[a3], %[a4]\n"                                                                                   \
        "add %[a0], %[a0], %[near]\n"                                                                                 \
        "add %[a0], %[a0], %[a2]\n"                                                                                   \
        "s32i %[a0], %[to], 0\n"                                                                                      \
        "addx2 %[a4], %[a3], %[a1]\n"                                                                                 \
        "s32i %[a4], %[to], 4\n"                                                                                      \
        "addx4 %[near], %[a2], %[near]\n"                                                                             \
        "s32i %[near], %[to], 8\n"                                                                                    \
        "addx8 %[a3], %[a3], %[a1]\n"                                                                                 \
        "addx2 %[a3], %[a5], %[a3]\n"                                                                                 \
        "s32i %[a3], %[to], 12\n"                                                                                     \
        "addi %[to], %[to], 16\n"                                                                                     \
        "1:\n"                                                                                                        \
        : [from] "+&a"(from), [to] "+&a"(to), [near] "+&a"(near), [a0] "=&a"(a0), [a1] "=&a"(a1), [a2] "=&a"(a2),     \
          [a3] "=&a"(a3), [a4] "=&a"(a4), [a5] "=&a"(a5)                                                              \
        : [on] "a"(24 * (apart)), [at0] "i"(4 * 0 * (apart)), [at1] "i"(4 * 1 * (apart)), [at2] "i"(4 * 2 * (apart)), \
          [at3] "i"(4 * 3 * (apart)), [at4] "i"(4 * 4 * (apart)), [at5] "i"(4 * 5 * (apart))                          \
        : "memory");                                                                                                  \
  }
#else
#define WINOGRAD4_SUM_ROWS(m, rows, apart)                                                             \
  {                                                                                                    \
    const uint32_t *from = (m);                                                                        \
    for (uint32_t *to = (rows); to != (rows) + 24; to += 4, from += 6 * (apart)) {                     \
      const uint32_t a0 = from[0], a1 = from[(apart)], a2 = from[2 * (apart)], a3 = from[3 * (apart)], \
                     a4 = from[4 * (apart)], a5 = from[5 * (apart)];                                   \
      WINOGRAD4_AFTER(to[0], to[1], to[2], to[3]);                                                     \
    }                                                                                                  \
  }
#endif
