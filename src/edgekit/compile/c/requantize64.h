#pragma once
#include "preamble.h"

/* value * multiplier / 2^shift, rounded to the nearest, ties upwards; of 47 bits and 15. */
static int32_t requantize64(int64_t value, int32_t multiplier, int32_t shift) {
  return (int32_t)((value * multiplier + ((int64_t)1 << (shift - 1))) >> shift);
}
