#pragma once
#include "preamble.h"

#if EDGEKIT_HIGH_MULTIPLY
/* value * multiplier / 2^31 * 2^shift, rounded twice as TensorFlow Lite Micro does: upwards, then away from zero. */
static inline int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t scaled = (int32_t)(((int64_t)(value * (1 << left)) * multiplier + (1 << 30)) >> 31);
  const int32_t mask = (int32_t)((1u << right) - 1u);
  return (scaled >> right) + ((scaled & mask) > (mask >> 1) + (scaled < 0));
}
#else
/* The same out of 16-bit halves, for cores whose multiplier returns the low 32 bits only. */
static int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const uint32_t negative = value < 0;
  const uint32_t left = (uint32_t)(shift > 0 ? shift : 0), right = (uint32_t)(shift > 0 ? 0 : -shift);
  const uint32_t a = (negative ? 0u - (uint32_t)value : (uint32_t)value) << left, b = (uint32_t)multiplier;
  const uint32_t al = a & 0xffffu, ah = a >> 16, bl = b & 0xffffu, bh = b >> 16, low = al * bl;
  const uint32_t middle = al * bh + ah * bl + (low >> 16) + 16384u - (negative & ((low & 0xffffu) == 0u));
  uint32_t result = 2u * (ah * bh) + (middle >> 15);
  result = (result + (right ? 1u << (right - 1u) : 0u)) >> right;
  return negative ? -(int32_t)result : (int32_t)result;
}
#endif
