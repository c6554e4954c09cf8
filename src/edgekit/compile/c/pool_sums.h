#pragma once
#include "greater.h"

/* The greatest sum of every HEIGHT x WIDTH window of rows of `columns` sums, `count` windows side by side, to where the
 * sums begin. */
static EDGEKIT_APART void NAME(uint32_t *sums, int32_t columns, int32_t count) {
  uint32_t *to = sums;
  for (; count > 0; --count, sums += WIDTH) {
    const uint32_t *row = sums;
    int32_t best = (int32_t)*row;
    for (int32_t y = 0; y < HEIGHT; ++y, row += columns) {
      for (int32_t x = 0; x < WIDTH; ++x) best = greater(best, row[x]);
    }
    *to++ = (uint32_t)best;
  }
}
