#pragma once
#include "preamble.h"

/* Weights as bytes w + 128, three channels in turn, become the two words of packed_dot4.h, WORDS from one
 * tap to the next. */
#define TAP(n)                                                                           \
  {                                                                                      \
    const uint32_t both = from[3 * (n) + 2], w0 = from[3 * (n)], w1 = from[3 * (n) + 1]; \
    to[WORDS * (n)] = w0 + (both << 21) - first;                                         \
    to[WORDS * (n) + 1] = w1 + (both << 11) - second;                                    \
  }                                                                                      \
  EDGEKIT_IN_ORDER
static EDGEKIT_APART void NAME(uint32_t *to, const uint8_t *from, int32_t taps) {
  const uint32_t first = 128u + (128u << 21), second = 128u + (128u << 11);
  for (; taps >= 4; taps -= 4, to += 4 * WORDS, from += 12) {
    TAP(0) TAP(1) TAP(2) TAP(3)
  }
  for (; taps > 0; --taps, to += WORDS, from += 3) {
    TAP(0)
  }
}
#undef TAP
