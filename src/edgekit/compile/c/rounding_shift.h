#pragma once
#include "preamble.h"

/* value / 2^exponent, rounded to the nearest, ties away from zero. */
static inline int32_t rounding_shift(int32_t value, int32_t exponent) {
  const int32_t mask = (int32_t)((1u << exponent) - 1u);
  return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0));
}
