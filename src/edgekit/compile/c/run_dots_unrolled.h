#include "run_dots_plain.h"

/* `run_dots` with 4 * (MORE + 1) taps written out: the hardware loop goes over the positions. */
static EDGEKIT_APART void NAME(const int16_t *x, const int16_t *w, int32_t first, int32_t *sums, int32_t count) {
#if EDGEKIT_MAC16
  int32_t sum;
  x -= 2, w -= 2;
  __asm__ volatile(
      "ldinc m2, %[w]\n"
      "ldinc m0, %[x]\n"
      "ldinc m3, %[w]\n"
      "ldinc m1, %[x]\n"
      "loopnez %[count], 1f\n"
      "wsr.acclo %[first]\n"
      ".rept %[more]\n"
      "mula.dd.lh.ldinc m2, %[w], m0, m2\n"
      "mula.dd.hl.ldinc m0, %[x], m0, m3\n"
      "mula.dd.lh.ldinc m3, %[w], m1, m3\n"
      "mula.dd.hl.ldinc m1, %[x], m1, m2\n"
      ".endr\n"
      "sub %[w], %[w], %[run]\n"
      "mula.dd.lh.ldinc m2, %[w], m0, m2\n"
      "mula.dd.hl.ldinc m0, %[x], m0, m3\n"
      "mula.dd.lh.ldinc m3, %[w], m1, m3\n"
      "mula.dd.hl.ldinc m1, %[x], m1, m2\n"
      "rsr.acclo %[sum]\n"
      "s32i %[sum], %[sums], 0\n"
      "addi %[sums], %[sums], 4\n"
      "1:\n"
      : [x] "+&a"(x), [w] "+&a"(w), [sums] "+&a"(sums), [sum] "=&a"(sum)
      : [run] "a"(8 * (MORE + 1)), [first] "a"(first), [more] "i"(MORE), [count] "a"(count)
      : "memory");
#else
  run_dots_plain(x, w, 4 * (MORE + 1), first, sums, count);
#endif
}
