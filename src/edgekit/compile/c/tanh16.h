#pragma once
#include "sigmoids.h"

/* Of the 12 bits below the point of `value` / 3, a fraction of 2^15. */
static int32_t tanh16(int32_t value) {
  const uint32_t size = (uint32_t)(value < 0 ? -value : value), step = size >> 8, rest = size & 255u;
  uint32_t result = 0xffffu << 8;
  if (step < 255) result = ((uint32_t)sigmoids[step] << 8) + rest * (uint32_t)(sigmoids[step + 1] - sigmoids[step]);
  const int32_t above = (int32_t)result - (1 << 23);
  return ((value < 0 ? -above - 1 : above) + 128) >> 8;
}
