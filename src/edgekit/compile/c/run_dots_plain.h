#pragma once
#include "mac16.h"

#if !EDGEKIT_MAC16
/* What `run_dots` does, where there is no MAC16. */
static EDGEKIT_APART void run_dots_plain(const int16_t *x, const int16_t *w, int32_t taps, int32_t first, int32_t *sums,
                                         int32_t count) {
  for (; count > 0; --count, x += taps) {
    uint32_t sum = (uint32_t)first + (uint32_t)(x[taps - 1] * w[0]);
    for (int32_t k = 1; k < taps; ++k) sum += (uint32_t)(x[k - 1] * w[k]);
    *sums++ = (int32_t)sum;
  }
}
#endif
