#pragma once
#include "sigmoids.h"

/* Of the 12 bits below the point of `value` / 3, a fraction of 2^15. */
static int32_t logistic16(int32_t value) {
  const uint32_t size = (uint32_t)(value < 0 ? -value : value), step = size >> 9, rest = size & 511u;
  uint32_t result = 0x7fffu << 10;
  if (step < 255) result = ((uint32_t)sigmoids[step] << 9) + rest * (uint32_t)(sigmoids[step + 1] - sigmoids[step]);
  return (int32_t)((value < 0 ? (1u << 25) - result + 511u : result + 512u) >> 10);
}
