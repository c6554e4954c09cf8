#pragma once
#include "requantize.h"
#include "to_byte.h"

/* An output channel: what every sum of it starts with (bias and input zero point), the values between which its result
 * lies strictly between `low` and `high`, its slope there, and its exact scale. */
typedef struct {
  int32_t bias, start, end;
  uint32_t scale;
  int32_t multiplier, shift;
} channel;

static EDGEKIT_APART uint8_t worked_out(int32_t value, const channel *to, int32_t low, int32_t high, int32_t zero) {
  return to_byte(requantize(value, to->multiplier, to->shift), zero, low, high);
}

/* The byte for a sum. A short product finds it; what falls close behind an edge between two bytes is worked out. */
static inline uint8_t finish(uint32_t sum, const channel *to, uint8_t low, uint8_t high, uint32_t drop, uint32_t offset,
                             uint32_t zone, int32_t zero) {
  const int32_t value = (int32_t)(sum + (uint32_t)to->bias);
  if (value <= to->start) return low;
  if (value >= to->end) return high;
  const uint32_t scaled = (((uint32_t)value - (uint32_t)to->start) >> drop) * to->scale + offset;
  if (((scaled >> zone) & ((1u << (24u - zone)) - 1u)) == 0) return worked_out(value, to, low, high, zero);
  return (uint8_t)(scaled >> 24);
}
