#pragma once
#include "mac16.h"
#include "winograd4_transforms.h"
#include "winograd_words.h"

/* G g G^T of one output channel, two input channels at a time; each lies as winograd4x1_input leaves its own. */
#if EDGEKIT_MAC16
/* What the other one does, in hardware loops: the taps' columns, then their rows. */
static EDGEKIT_APART void winograd4_filter(const edgekit_word *taps, edgekit_word *to, int32_t pairs) {
  uint32_t columns[18];
  for (int32_t pair = 0; pair < pairs; ++pair, taps += 9, ++to) {
    const void *from = taps;
    void *into = columns;
    uint32_t sum = 3, g0, g1, g2, far;
    __asm__ volatile(
        "loopnez %[sum], 1f\n"
        "l32i %[g0], %[from], 0\n"
        "l32i %[g1], %[from], 12\n"
        "l32i %[g2], %[from], 24\n"
        "addi %[from], %[from], 4\n"
        "xor %[g0], %[g0], %[k]\n"
        "xor %[g1], %[g1], %[k]\n"
        "xor %[g2], %[g2], %[k]\n"
        "sub %[g0], %[g0], %[k]\n"
        "sub %[g1], %[g1], %[k]\n"
        "sub %[g2], %[g2], %[k]\n"
        "add %[sum], %[g0], %[g2]\n"
        "addx4 %[far], %[g2], %[g0]\n"
        "addx2 %[g0], %[g0], %[g0]\n"
        "slli %[g0], %[g0], 1\n"
        "s32i %[g0], %[to], 0\n"
        "add %[g0], %[g1], %[sum]\n"
        "slli %[g0], %[g0], 2\n"
        "s32i %[g0], %[to], 4\n"
        "sub %[g0], %[g1], %[sum]\n"
        "slli %[g0], %[g0], 2\n"
        "s32i %[g0], %[to], 8\n"
        "addx2 %[g0], %[g1], %[far]\n"
        "s32i %[g0], %[to], 12\n"
        "subx2 %[g0], %[g1], %[far]\n"
        "s32i %[g0], %[to], 16\n"
        "addx2 %[g2], %[g2], %[g2]\n"
        "slli %[g2], %[g2], 2\n"
        "neg %[g2], %[g2]\n"
        "s32i %[g2], %[to], 20\n"
        "addi %[to], %[to], 24\n"
        "1:\n"
        : [from] "+&a"(from), [to] "+&a"(into), [sum] "+&a"(sum), [g0] "=&a"(g0), [g1] "=&a"(g1), [g2] "=&a"(g2),
          [far] "=&a"(far)
        : [k] "a"(0x8000)
        : "memory");
    from = columns, into = to, sum = 6;
    __asm__ volatile(
        "loopnez %[sum], 1f\n"
        "l32i %[g0], %[from], 0\n"
        "l32i %[g1], %[from], 24\n"
        "l32i %[g2], %[from], 48\n"
        "addi %[from], %[from], 4\n"
        "add %[sum], %[g0], %[g2]\n"
        "addx4 %[far], %[g2], %[g0]\n"
        "addx2 %[g0], %[g0], %[g0]\n"
        "addx2 %[g0], %[g0], %[k]\n"
        "xor %[g0], %[g0], %[k]\n"
        "s32i %[g0], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "add %[g0], %[g1], %[sum]\n"
        "addx4 %[g0], %[g0], %[k]\n"
        "xor %[g0], %[g0], %[k]\n"
        "s32i %[g0], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "sub %[g0], %[g1], %[sum]\n"
        "addx4 %[g0], %[g0], %[k]\n"
        "xor %[g0], %[g0], %[k]\n"
        "s32i %[g0], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "addx2 %[g0], %[g1], %[far]\n"
        "add %[g0], %[g0], %[k]\n"
        "xor %[g0], %[g0], %[k]\n"
        "s32i %[g0], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "subx2 %[g0], %[g1], %[far]\n"
        "add %[g0], %[g0], %[k]\n"
        "xor %[g0], %[g0], %[k]\n"
        "s32i %[g0], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "addx2 %[g2], %[g2], %[g2]\n"
        "slli %[g2], %[g2], 2\n"
        "sub %[g2], %[k], %[g2]\n"
        "xor %[g2], %[g2], %[k]\n"
        "s32i %[g2], %[to], 0\n"
        "add %[to], %[to], %[on]\n"
        "1:\n"
        : [from] "+&a"(from), [to] "+&a"(into), [sum] "+&a"(sum), [g0] "=&a"(g0), [g1] "=&a"(g1), [g2] "=&a"(g2),
          [far] "=&a"(far)
        : [k] "a"(0x8000), [on] "a"(4 * pairs)
        : "memory");
  }
}
#else
static inline uint32_t joined(uint32_t both) { return (both ^ 0x8000u) - 0x8000u; } /* undoes `halves` */

static EDGEKIT_APART void winograd4_filter(const edgekit_word *taps, edgekit_word *to, int32_t pairs) {
  uint32_t columns[18];
  for (int32_t pair = 0; pair < pairs; ++pair, taps += 9, ++to) {
    const edgekit_word *w = taps;
    for (uint32_t *column = columns; column != columns + 18; column += 6, ++w) {
      const uint32_t g0 = joined(w[0]), g1 = joined(w[3]), g2 = joined(w[6]);
      WINOGRAD4_FILTER(0u, column[0], column[1], column[2], column[3], column[4], column[5]);
    }
    edgekit_word *out = to;
    for (const uint32_t *row = columns; row != columns + 6; ++row) {
      const uint32_t g0 = row[0], g1 = row[6], g2 = row[12];
      uint32_t r0, r1, r2, r3, r4, r5;
      WINOGRAD4_FILTER(0x8000u, r0, r1, r2, r3, r4, r5);
      *out = r0 ^ 0x8000u, out += pairs;
      *out = r1 ^ 0x8000u, out += pairs;
      *out = r2 ^ 0x8000u, out += pairs;
      *out = r3 ^ 0x8000u, out += pairs;
      *out = r4 ^ 0x8000u, out += pairs;
      *out = r5 ^ 0x8000u, out += pairs;
    }
  }
}
#endif
