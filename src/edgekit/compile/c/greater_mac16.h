#pragma once
#include "mac16.h"

/* As greater, in one instruction where the core is an ESP32's. */
static inline int32_t greater_mac16(int32_t best, uint32_t sum) {
#if EDGEKIT_MAC16
  __asm__("max %0, %1, %2" : "=a"(best) : "a"(best), "a"(sum));
  return best;
#else
  return (int32_t)sum > best ? (int32_t)sum : best;
#endif
}
