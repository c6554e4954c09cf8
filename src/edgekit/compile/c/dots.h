#pragma once
#include "mac16.h"

/* Rows of positions x rows of weights: sums[r][i] = first + sum of w[r][k] * x[r][i][k] over TAPS taps, for i < count
 * and r < rows. A position lies STEP behind the last, also from one row to the next. The order of the weights, and
 * whether `first` counts, are mac16_dots.py's. x and w begin at multiples of 4 bytes; there is at least one of
 * everything. Two words behind the last position and one behind the sums are read, and not used. */
#if EDGEKIT_MAC16
/* One block for each kind of chunk. Where they end only they know, so that the compiler puts no hardware loop of its
 * own around theirs; sums are taken modulo 2^32. */
#define EDGEKIT_CHUNK(text)                                                                                  \
  __asm__ volatile(                                                                                          \
      text                                                                                                   \
      : [x] "+&a"(from), [w] "+&a"(w), [sums] "+&a"(to), [left] "+&a"(left), [w0] "=&a"(w0), [w1] "=&a"(w1), \
        [w2] "=&a"(w2), [w3] "=&a"(w3), [w4] "=&a"(w4), [w5] "=&a"(w5), [w6] "=&a"(w6), [w7] "=&a"(w7)       \
      : [first] "a"(first)                                                                                   \
      : "memory")
static EDGEKIT_APART void NAME(const int16_t *x, const int16_t *w, int32_t first, int32_t *sums, int32_t count,
                               int32_t rows) {
  const int16_t *const end = w + rows * TAPS;
  int32_t w0, w1, w2, w3, w4, w5, w6, w7;
#if TAPS == CHUNK
  const int16_t *from = x - 2;
  int32_t *to = sums;
  do {
    int32_t left = count;
    EDGEKIT_CHUNK(BEGIN);
    from -= 4; /* the next row's first words were loaded */
  } while (w != end);
#else
  do {
    const int16_t *const last = w + TAPS, *from = x - 2;
    int32_t *to = sums, left = count;
    EDGEKIT_CHUNK(BEGIN);
    for (const int16_t *next = x + CHUNK - 2; w != last; next += CHUNK) {
      from = next, to = sums, left = count;
      EDGEKIT_CHUNK(GO_ON);
    }
    x += count * STEP, sums += count;
  } while (w != end);
#endif
}
#undef EDGEKIT_CHUNK
#else
/* The portable fallback: four positions at once. */
#define EDGEKIT_TAP(n, weight)     \
  {                                \
    const int32_t value = weight;  \
    s += (uint32_t)(a[n] * value); \
    t += (uint32_t)(b[n] * value); \
    u += (uint32_t)(c[n] * value); \
    v += (uint32_t)(d[n] * value); \
  }                                \
  EDGEKIT_IN_ORDER
static EDGEKIT_APART void NAME(const int16_t *x, const int16_t *w, int32_t first, int32_t *sums, int32_t count,
                               int32_t rows) {
  for (; rows > 0; --rows, w += TAPS) {
    for (int32_t left = count; left > 0; left -= 4) {
      const int32_t b_on = left > 1 ? STEP : 0, c_on = left > 2 ? STEP : 0, d_on = left > 3 ? STEP : 0;
      const int16_t *a = x, *b = a + b_on, *c = b + c_on, *d = c + d_on;
      uint32_t s = (uint32_t)first, t = s, u = s, v = s;
      for (const int16_t *chunk = w; chunk != w + TAPS; chunk += CHUNK) {
        for (int32_t i = 0; i < CHUNK; i += 4, a += 4, b += 4, c += 4, d += 4) {
          const int16_t *const k = chunk + i + TURN;
          EDGEKIT_TAP(0, k[0])
          EDGEKIT_TAP(1, k[1]) EDGEKIT_TAP(2, k[2]) EDGEKIT_TAP(3, TURN && i == CHUNK - 4 ? chunk[0] : k[3])
        }
      }
      x += STEP + b_on + c_on + d_on;
      *sums++ = (int32_t)s;
      if (left > 1) *sums++ = (int32_t)t;
      if (left > 2) *sums++ = (int32_t)u;
      if (left > 3) *sums++ = (int32_t)v;
    }
  }
}
#undef EDGEKIT_TAP
#endif
