#pragma once
#include "mac16.h"

/* Rows of positions x rows of taps: sums[r + i * apart] = sum of w[r][k] * x[r][i][k] over 4 * quads taps, for
 * i < count and r < rows. A position lies `step` behind the last, also from one row to the next. x and w begin at
 * multiples of 4 bytes and step is even; there is at least one of everything. */
#if EDGEKIT_MAC16
static EDGEKIT_APART void dots(const int16_t *x, int32_t step, const int16_t *w, int32_t quads, int32_t *sums,
                               int32_t count, int32_t apart, int32_t rows) {
  const int32_t *end = sums + count * apart;
  int32_t sum;
  x -= 2, w -= 2;
  /* MULA.DD.*.LDINC multiplies two 16-bit halves, adds to a 40-bit accumulator and loads the next two halves, all in
   * one instruction; LOOPNEZ repeats without a branch; sums are taken modulo 2^32. Esp-dsp's dsps_dotprod_s16 has the
   * same inner loop. LDINC adds 4 to the address first; the last quad loads nothing beyond itself. The whole loop is
   * one block, so that the compiler puts no hardware loop of its own around it. */
  __asm__ volatile(
      "0:\n"
      "wsr.acclo %[zero]\n"
      "ldinc m0, %[x]\n"
      "ldinc m2, %[w]\n"
      "loopnez %[more], 1f\n"
      "mula.dd.ll.ldinc m1, %[x], m0, m2\n"
      "mula.dd.hh.ldinc m3, %[w], m0, m2\n"
      "mula.dd.ll.ldinc m0, %[x], m1, m3\n"
      "mula.dd.hh.ldinc m2, %[w], m1, m3\n"
      "1:\n"
      "mula.dd.ll.ldinc m1, %[x], m0, m2\n"
      "mula.dd.hh.ldinc m3, %[w], m0, m2\n"
      "mula.dd.ll m1, m3\n"
      "mula.dd.hh m1, m3\n"
      "sub %[w], %[w], %[run]\n"
      "add %[x], %[x], %[on]\n"
      "rsr.acclo %[sum]\n"
      "s32i %[sum], %[sums], 0\n"
      "add %[sums], %[sums], %[apart]\n"
      "bne %[sums], %[end], 0b\n"
      "add %[w], %[w], %[run]\n"
      "sub %[sums], %[sums], %[back]\n"
      "addi %[end], %[end], 4\n"
      "addi %[rows], %[rows], -1\n"
      "bnez %[rows], 0b\n"
      : [x] "+&a"(x), [w] "+&a"(w), [sums] "+&a"(sums), [end] "+&a"(end), [rows] "+&a"(rows), [sum] "=&a"(sum)
      : [run] "a"(quads * 8), [on] "a"(step * 2 - quads * 8), [zero] "a"(0), [more] "a"(quads - 1),
        [apart] "a"(apart * 4), [back] "a"((count * apart - 1) * 4)
      : "memory");
}
#else
/* The portable fallback: four positions at once. */
#define EDGEKIT_TAP(n)            \
  {                               \
    const int32_t w##n = k[n];    \
    s += (uint32_t)(a[n] * w##n); \
    t += (uint32_t)(b[n] * w##n); \
    u += (uint32_t)(c[n] * w##n); \
    v += (uint32_t)(d[n] * w##n); \
  }                               \
  EDGEKIT_IN_ORDER
static EDGEKIT_APART void dots(const int16_t *x, int32_t step, const int16_t *w, int32_t quads, int32_t *sums,
                               int32_t count, int32_t apart, int32_t rows) {
  for (; rows > 0; --rows, w += 4 * quads, ++sums) {
    const int16_t *const end = w + 4 * quads;
    int32_t *to = sums;
    int32_t left = count;
    for (; left >= 4; left -= 4, x += 4 * step) {
      const int16_t *a = x, *b = x + step, *c = b + step, *d = c + step;
      uint32_t s = 0, t = 0, u = 0, v = 0;
      for (const int16_t *k = w; k != end; k += 4, a += 4, b += 4, c += 4, d += 4) {
        EDGEKIT_TAP(0) EDGEKIT_TAP(1) EDGEKIT_TAP(2) EDGEKIT_TAP(3)
      }
      *to = (int32_t)s, to += apart;
      *to = (int32_t)t, to += apart;
      *to = (int32_t)u, to += apart;
      *to = (int32_t)v, to += apart;
    }
    for (; left > 0; --left, x += step, to += apart) {
      uint32_t s = 0;
      const int16_t *a = x;
      for (const int16_t *k = w; k != end; ++k, ++a) s += (uint32_t)(*a * *k);
      *to = (int32_t)s;
    }
  }
}
#undef EDGEKIT_TAP
#endif
