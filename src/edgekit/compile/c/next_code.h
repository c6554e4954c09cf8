#pragma once
#include "preamble.h"

/* The next 4 bits, the low half of a byte first. */
static inline uint32_t next_code(const uint8_t **values, int32_t *half) {
  const uint32_t code = *half ? *(*values)++ >> 4 : **values & 15u;
  *half ^= 1;
  return code;
}
