#pragma once
#include "preamble.h"

/* A real number as a quantised one, rounded to the nearest, halves away from zero, and clamped; NaN is the least. */
static inline int32_t quantize_float(float real, float scale, int32_t zero_point, int32_t least, int32_t greatest) {
  const float value = real / scale;
  int32_t q = least - zero_point;
  if (value >= 131072.0f) {
    q = greatest - zero_point;
  } else if (value > -131072.0f) {
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    q = whole + (rest >= 0.5f) - (rest <= -0.5f);
  }
  q += zero_point;
  return q < least ? least : q > greatest ? greatest : q;
}
