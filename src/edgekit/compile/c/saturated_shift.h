#pragma once
#include "preamble.h"

/* value * 2^exponent within int32. */
static inline int32_t saturated_shift(int32_t value, int32_t exponent) {
  const int32_t most = INT32_MAX >> exponent;
  return value > most ? INT32_MAX : value < -most - 1 ? INT32_MIN : value * (1 << exponent);
}
