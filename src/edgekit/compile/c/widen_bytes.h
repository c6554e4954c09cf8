#pragma once
#include "preamble.h"

/* `count` bytes in 16 bits each. */
static EDGEKIT_APART void widen_bytes(int16_t *to, const uint8_t *from, int32_t count) {
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    const int16_t a = from[0], b = from[1], c = from[2], d = from[3];
    EDGEKIT_IN_ORDER
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
  }
  for (; count > 0; --count) *to++ = *from++;
}
