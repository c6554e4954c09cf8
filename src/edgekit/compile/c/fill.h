#pragma once
#include "preamble.h"

static inline void fill(uint8_t *bytes, uint8_t value, int32_t count) {
  for (int32_t i = 0; i < count; ++i) bytes[i] = value;
}
