#pragma once
#include "preamble.h"

/* Weights as bytes w + 128, three channels in turn, become the words of packed_dot.h. */
#define TAP(n)                                                                           \
  {                                                                                      \
    const uint32_t both = from[3 * (n) + 2], w0 = from[3 * (n)], w1 = from[3 * (n) + 1]; \
    to[2 * (n)] = w0 + (both << 21) - first;                                             \
    to[2 * (n) + 1] = w1 + (both << 11) - second;                                        \
  }                                                                                      \
  EDGEKIT_IN_ORDER
static EDGEKIT_APART void packed_widen(uint32_t *to, const uint8_t *from, int32_t taps) {
  const uint32_t first = 128u + (128u << 21), second = 128u + (128u << 11);
  for (; taps >= 4; taps -= 4, to += 8, from += 12) {
    TAP(0) TAP(1) TAP(2) TAP(3)
  }
  for (; taps > 0; --taps, to += 2, from += 3) {
    TAP(0)
  }
}
#undef TAP
