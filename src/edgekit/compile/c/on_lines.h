#pragma once
#include "preamble.h"

/* A function known at 513 places, 128 apart, at `place` within 16 bits; in between along straight lines. */
static inline int16_t on_lines(const int16_t *table, int32_t place) {
  place = place < -32768 ? -32768 : place > 32767 ? 32767 : place;
  const int16_t *base = table + 256 + (place >> 7);
  return (int16_t)(base[0] + (((int16_t)(base[1] - base[0]) * (place & 127) + 64) >> 7));
}
