#pragma once
#include "mac16.h"
#include "winograd4_transforms.h"
#include "winograd_words.h"

/* B^T d B for all channels of one tile, four at a time: columns first, then rows. The tiles of LANES lie in turn. */
#if EDGEKIT_MAC16 && WORDS
/* What the other one does, in hardware loops. */
static EDGEKIT_APART void NAME(const uint8_t *rows, int32_t row, int32_t channels, edgekit_word *v, int32_t stride,
                               int32_t quads) {
  uint32_t columns[36];
  for (; quads > 0; --quads, rows += 4, v += 2 * LANES) {
    for (int32_t half = 0; half < 2; ++half) {
      const void *from = rows;
      void *to = columns;
      uint32_t near = 6, d0, d1, d2, d3, d4, d5;
      __asm__ volatile(
          "ssr %[shift]\n"
          "loopnez %[near], 1f\n"
          "l32i %[d0], %[from], 0\n"
          "add %[from], %[from], %[row]\n"
          "l32i %[d1], %[from], 0\n"
          "add %[from], %[from], %[row]\n"
          "l32i %[d2], %[from], 0\n"
          "add %[from], %[from], %[row]\n"
          "l32i %[d3], %[from], 0\n"
          "add %[from], %[from], %[row]\n"
          "l32i %[d4], %[from], 0\n"
          "add %[from], %[from], %[row]\n"
          "l32i %[d5], %[from], 0\n"
          "sub %[from], %[from], %[back]\n"
          "srl %[d0], %[d0]\n"
          "srl %[d1], %[d1]\n"
          "srl %[d2], %[d2]\n"
          "srl %[d3], %[d3]\n"
          "srl %[d4], %[d4]\n"
          "srl %[d5], %[d5]\n"
          "and %[d0], %[d0], %[mask]\n"
          "and %[d1], %[d1], %[mask]\n"
          "and %[d2], %[d2], %[mask]\n"
          "and %[d3], %[d3], %[mask]\n"
          "and %[d4], %[d4], %[mask]\n"
          "and %[d5], %[d5], %[mask]\n"
          "sub %[near], %[d4], %[d2]\n"
          "sub %[d0], %[d0], %[d2]\n"
          "addx4 %[d0], %[d0], %[near]\n"
          "s32i %[d0], %[to], 0\n"
          "subx4 %[d2], %[d2], %[d4]\n"
          "subx4 %[d0], %[d1], %[d3]\n"
          "sub %[d1], %[d3], %[d1]\n"
          "sub %[d5], %[d5], %[d3]\n"
          "subx4 %[d5], %[d1], %[d5]\n"
          "s32i %[d5], %[to], 120\n"
          "add %[d3], %[d0], %[d2]\n"
          "s32i %[d3], %[to], 24\n"
          "sub %[d0], %[d0], %[d2]\n"
          "s32i %[d0], %[to], 48\n"
          "addx2 %[d2], %[d1], %[near]\n"
          "s32i %[d2], %[to], 72\n"
          "subx2 %[d1], %[d1], %[near]\n"
          "s32i %[d1], %[to], 96\n"
          "addi %[to], %[to], 4\n"
          "1:\n"
          : [from] "+&a"(from), [to] "+&a"(to), [near] "+&a"(near), [d0] "=&a"(d0), [d1] "=&a"(d1), [d2] "=&a"(d2),
            [d3] "=&a"(d3), [d4] "=&a"(d4), [d5] "=&a"(d5)
          : [shift] "a"(8 * half), [row] "a"(row), [back] "a"(5 * row - channels), [mask] "a"(0x00ff00ff)
          : "memory");
      from = columns, to = v + half * LANES, near = 6;
      __asm__ volatile(
          "loopnez %[near], 1f\n"
          "l32i %[d0], %[from], 0\n"
          "l32i %[d1], %[from], 4\n"
          "l32i %[d2], %[from], 8\n"
          "l32i %[d3], %[from], 12\n"
          "l32i %[d4], %[from], 16\n"
          "l32i %[d5], %[from], 20\n"
          "addi %[from], %[from], 24\n"
          "sub %[near], %[d4], %[d2]\n"
          "sub %[d0], %[d0], %[d2]\n"
          "addx4 %[d0], %[d0], %[near]\n"
          "add %[d0], %[d0], %[k]\n"
          "xor %[d0], %[d0], %[k]\n"
          "s32i %[d0], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "subx4 %[d2], %[d2], %[d4]\n"
          "subx4 %[d0], %[d1], %[d3]\n"
          "add %[d0], %[d0], %[k]\n"
          "sub %[d1], %[d3], %[d1]\n"
          "sub %[d5], %[d5], %[d3]\n"
          "sub %[d5], %[d5], %[k]\n"
          "subx4 %[d5], %[d1], %[d5]\n"
          "add %[d3], %[d0], %[d2]\n"
          "xor %[d3], %[d3], %[k]\n"
          "s32i %[d3], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "sub %[d0], %[d0], %[d2]\n"
          "xor %[d0], %[d0], %[k]\n"
          "s32i %[d0], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "addx2 %[d1], %[d1], %[k]\n"
          "add %[d3], %[d1], %[near]\n"
          "xor %[d3], %[d3], %[k]\n"
          "s32i %[d3], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "sub %[d1], %[d1], %[near]\n"
          "xor %[d1], %[d1], %[k]\n"
          "s32i %[d1], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "xor %[d5], %[d5], %[k]\n"
          "s32i %[d5], %[to], 0\n"
          "add %[to], %[to], %[on]\n"
          "1:\n"
          : [from] "+&a"(from), [to] "+&a"(to), [near] "+&a"(near), [d0] "=&a"(d0), [d1] "=&a"(d1), [d2] "=&a"(d2),
            [d3] "=&a"(d3), [d4] "=&a"(d4), [d5] "=&a"(d5)
          : [k] "a"(0x8000), [on] "a"(4 * stride)
          : "memory");
    }
  }
}
#else
static EDGEKIT_APART void NAME(const uint8_t *rows, int32_t row, int32_t channels, edgekit_word *v, int32_t stride,
                               int32_t quads) {
  uint32_t columns[36];
  for (; quads > 0; --quads, rows += 4, v += 2 * LANES) {
    const uint8_t *top;
    edgekit_word *out;
    top = rows;
    for (uint32_t *to = columns; to != columns + 6; ++to, top += channels) {
      const uint8_t *p = top;
      const uint32_t d0 = LOAD(p, 0);
      p += row;
      const uint32_t d1 = LOAD(p, 0);
      p += row;
      const uint32_t d2 = LOAD(p, 0);
      p += row;
      const uint32_t d3 = LOAD(p, 0);
      p += row;
      const uint32_t d4 = LOAD(p, 0);
      p += row;
      const uint32_t d5 = LOAD(p, 0);
      p += row;
      WINOGRAD4_BEFORE(0u, to[0], to[6], to[12], to[18], to[24], to[30]);
    }
    out = v;
    for (const uint32_t *from = columns; from != columns + 36; from += 6) {
      const uint32_t d0 = from[0], d1 = from[1], d2 = from[2], d3 = from[3], d4 = from[4], d5 = from[5];
      uint32_t r0, r1, r2, r3, r4, r5;
      WINOGRAD4_BEFORE(0x8000u, r0, r1, r2, r3, r4, r5);
      *out = r0 ^ 0x8000u, out += stride;
      *out = r1 ^ 0x8000u, out += stride;
      *out = r2 ^ 0x8000u, out += stride;
      *out = r3 ^ 0x8000u, out += stride;
      *out = r4 ^ 0x8000u, out += stride;
      *out = r5 ^ 0x8000u, out += stride;
    }
    top = rows;
    for (uint32_t *to = columns; to != columns + 6; ++to, top += channels) {
      const uint8_t *p = top;
      const uint32_t d0 = LOAD(p, 1);
      p += row;
      const uint32_t d1 = LOAD(p, 1);
      p += row;
      const uint32_t d2 = LOAD(p, 1);
      p += row;
      const uint32_t d3 = LOAD(p, 1);
      p += row;
      const uint32_t d4 = LOAD(p, 1);
      p += row;
      const uint32_t d5 = LOAD(p, 1);
      p += row;
      WINOGRAD4_BEFORE(0u, to[0], to[6], to[12], to[18], to[24], to[30]);
    }
    out = v + LANES;
    for (const uint32_t *from = columns; from != columns + 36; from += 6) {
      const uint32_t d0 = from[0], d1 = from[1], d2 = from[2], d3 = from[3], d4 = from[4], d5 = from[5];
      uint32_t r0, r1, r2, r3, r4, r5;
      WINOGRAD4_BEFORE(0x8000u, r0, r1, r2, r3, r4, r5);
      *out = r0 ^ 0x8000u, out += stride;
      *out = r1 ^ 0x8000u, out += stride;
      *out = r2 ^ 0x8000u, out += stride;
      *out = r3 ^ 0x8000u, out += stride;
      *out = r4 ^ 0x8000u, out += stride;
      *out = r5 ^ 0x8000u, out += stride;
    }
  }
}
#endif
