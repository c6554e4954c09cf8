#pragma once
#include "preamble.h"

/* value + zero, clamped: an activation's byte. */
static inline uint8_t to_byte(int32_t value, int32_t zero, int32_t low, int32_t high) {
  value += zero;
  return (uint8_t)(value < low ? low : value > high ? high : value);
}
