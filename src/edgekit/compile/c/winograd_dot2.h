#pragma once
#include "winograd_words.h"

/* Sums over the channels, element by element: 2 tiles and 4 output channels at once, CHANNELS channels a turn. */
#define TAP(n)                                                                      \
  {                                                                                 \
    const int32_t v0 = v[(n) / 2 * 4 + (n) % 2], v1 = v[(n) / 2 * 4 + (n) % 2 + 2]; \
    a00 += (uint32_t)(v0 * w[4 * (n)]);                                             \
    a10 += (uint32_t)(v1 * w[4 * (n)]);                                             \
    a01 += (uint32_t)(v0 * w[4 * (n) + 1]);                                         \
    a11 += (uint32_t)(v1 * w[4 * (n) + 1]);                                         \
    a02 += (uint32_t)(v0 * w[4 * (n) + 2]);                                         \
    a12 += (uint32_t)(v1 * w[4 * (n) + 2]);                                         \
    a03 += (uint32_t)(v0 * w[4 * (n) + 3]);                                         \
    a13 += (uint32_t)(v1 * w[4 * (n) + 3]);                                         \
  }                                                                                 \
  EDGEKIT_IN_ORDER
#define TAPS4 TAP(0) TAP(1) TAP(2) TAP(3)
#define TAPS8 TAPS4 TAP(4) TAP(5) TAP(6) TAP(7)
static EDGEKIT_APART void NAME(const edgekit_half *v, const int16_t *u, uint32_t *sums, int32_t groups,
                               int32_t length) {
  for (const uint32_t *last = sums + ELEMENTS; sums != last; ++sums) {
    const int16_t *w = u;
    uint32_t *to = sums;
    for (int32_t n = 0; n < groups; ++n, to += 8 * ELEMENTS) {
      uint32_t a00 = 0, a01 = 0, a02 = 0, a03 = 0, a10 = 0, a11 = 0, a12 = 0, a13 = 0;
      w = u;
      for (const edgekit_half *end = v + length; v != end;) {
        TAPS;
        v += 2 * CHANNELS;
        w += 4 * CHANNELS;
      }
      to[0] = a00;
      to[ELEMENTS] = a01;
      to[2 * ELEMENTS] = a02;
      to[3 * ELEMENTS] = a03;
      to[4 * ELEMENTS] = a10;
      to[5 * ELEMENTS] = a11;
      to[6 * ELEMENTS] = a12;
      to[7 * ELEMENTS] = a13;
    }
    u = w;
  }
}
#undef TAP
#undef TAPS4
#undef TAPS8
