#pragma once
#include "run_dots_plain.h"

/* Runs of x, one behind the other, with one run of weights: sums[i] = first + sum of w[k] * x[i][k] over 4 * quads
 * taps, for i < count. x and w begin at multiples of 4 bytes, there is at least one of everything, and two words behind
 * x are read. The weights lie turned by one: w's last in front of its first. */
static EDGEKIT_APART void run_dots(const int16_t *x, const int16_t *w, int32_t quads, int32_t first, int32_t *sums,
                                   int32_t count) {
#if EDGEKIT_MAC16
  const int32_t *const end = sums + count;
  int32_t sum;
  x -= 2, w -= 2;
  /* Each instruction multiplies two 16-bit halves, adds to the accumulator and loads the next two halves of the
   * register whose last use it is. As a word of weights is half a word behind its word of x, every register is loaded
   * two instructions ahead of its use. The weights go round: a run's last word is the next run's first. */
  __asm__ volatile(
      "ldinc m2, %[w]\n"
      "ldinc m0, %[x]\n"
      "ldinc m3, %[w]\n"
      "ldinc m1, %[x]\n"
      "0:\n"
      "wsr.acclo %[first]\n"
      "loopnez %[more], 1f\n"
      "mula.dd.lh.ldinc m2, %[w], m0, m2\n"
      "mula.dd.hl.ldinc m0, %[x], m0, m3\n"
      "mula.dd.lh.ldinc m3, %[w], m1, m3\n"
      "mula.dd.hl.ldinc m1, %[x], m1, m2\n"
      "1:\n"
      "sub %[w], %[w], %[run]\n"
      "mula.dd.lh.ldinc m2, %[w], m0, m2\n"
      "mula.dd.hl.ldinc m0, %[x], m0, m3\n"
      "mula.dd.lh.ldinc m3, %[w], m1, m3\n"
      "mula.dd.hl.ldinc m1, %[x], m1, m2\n"
      "rsr.acclo %[sum]\n"
      "s32i %[sum], %[sums], 0\n"
      "addi %[sums], %[sums], 4\n"
      "bne %[sums], %[end], 0b\n"
      : [x] "+&a"(x), [w] "+&a"(w), [sums] "+&a"(sums), [sum] "=&a"(sum)
      : [run] "a"(quads * 8), [first] "a"(first), [more] "a"(quads - 1), [end] "a"(end)
      : "memory");
#else
  run_dots_plain(x, w, 4 * quads, first, sums, count);
#endif
}
