#pragma once
#include "preamble.h"

/* `count` bytes in 16 bits each; count is a multiple of 4. */
static EDGEKIT_APART void widen_bytes(int16_t *to, const uint8_t *from, int32_t count) {
  const uint8_t *const end = from + count;
  for (; from != end; from += 4, to += 4) {
    const int16_t a = from[0], b = from[1], c = from[2], d = from[3];
    EDGEKIT_IN_ORDER
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
  }
}
