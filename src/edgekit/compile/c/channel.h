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
