#pragma once
#include "channel.h"

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
