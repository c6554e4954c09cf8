#pragma once
#include "mac16.h"

static inline int32_t greater(int32_t best, uint32_t sum) {
#if EDGEKIT_MAC16
  __asm__("max %0, %1, %2" : "=a"(best) : "a"(best), "a"(sum));
  return best;
#else
  return (int32_t)sum > best ? (int32_t)sum : best;
#endif
}
