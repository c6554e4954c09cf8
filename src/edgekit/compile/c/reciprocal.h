#pragma once
#include "high_multiply.h"

static inline int32_t saturating_shift(int32_t value, int32_t exponent) {
  const int32_t limit = (1 << (31 - exponent)) - 1;
  return value > limit ? INT32_MAX : value < -limit ? INT32_MIN : value * (1 << exponent);
}

/* 1 / x as Q0.31 for x = (1 + excess / 2^31), by three steps of Newton's method (gemmlowp). */
static int32_t reciprocal(uint32_t excess) {
  const int32_t half = (int32_t)((excess >> 1) + 0x40000000u);
  int32_t x = 1515870810 + high_multiply(half, -1010580540);
  for (int32_t i = 0; i < 3; ++i) {
    x += saturating_shift(high_multiply(x, (1 << 29) - high_multiply(half, x)), 2);
  }
  return saturating_shift(x, 1);
}
