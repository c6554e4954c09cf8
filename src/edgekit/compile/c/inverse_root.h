#pragma once
#include "high_multiply.h"
#include "rounding_shift.h"
#include "saturated_shift.h"

/* 1 / sqrt(value) * 2^shift as a fraction of 2^31: Newton's method, five steps, as in TensorFlow Lite Micro. */
static int32_t inverse_root(int32_t value, int32_t *shift) {
  int32_t right = 11, pairs = -1;
  if (value <= 1) {
    *shift = 0;
    return INT32_MAX;
  }
  for (; value >= 1 << 29; ++right) value /= 4;
  for (uint32_t bits = (uint32_t)value; bits < 1u << 29; bits <<= 2) ++pairs;
  right -= pairs;
  value <<= 2 * pairs;
  const int32_t half = rounding_shift(value >> 1, 1);
  int32_t x = 1 << 28;
  for (int32_t i = 0; i < 5; ++i) {
    const int32_t cube = saturated_shift(high_multiply(high_multiply(x, x), x), 6);
    x = saturated_shift(high_multiply((1 << 28) + (1 << 27), x) - high_multiply(half, cube), 3);
  }
  x = high_multiply(x, 1518500250);
  *shift = right < 0 ? 0 : -right;
  return right < 0 ? x << -right : x;
}
