#pragma once
#include "preamble.h"

/* value, clamped: an activation of 16 bits. */
static inline int16_t clamped16(int32_t value, int32_t low, int32_t high) {
  return (int16_t)(value < low ? low : value > high ? high : value);
}
