#pragma once
#include "winograd4_sum_rows.h"

/* A^T m A of one tile, whose sums lie APART behind each other: 4 rows of 4 results, to each of which `first` is added.
 * They lie `row` behind each other. 9 * 0x38e38e39 = 1 modulo 2^32. */
static EDGEKIT_APART void NAME(const uint32_t *m, int32_t first, int32_t *results, int32_t row) {
  uint32_t rows[24];
  WINOGRAD4_SUM_ROWS(m, rows, APART)
  for (const uint32_t *p = rows; p != rows + 4; ++p, ++results) {
    const uint32_t a0 = p[0], a1 = p[4], a2 = p[8], a3 = p[12], a4 = p[16], a5 = p[20];
    uint32_t r0, r1, r2, r3;
    WINOGRAD4_AFTER(r0, r1, r2, r3);
    int32_t *to = results;
    *to = ((int32_t)(0x38e38e39u * r0) >> 6) + first, to += row;
    *to = ((int32_t)(0x38e38e39u * r1) >> 6) + first, to += row;
    *to = ((int32_t)(0x38e38e39u * r2) >> 6) + first, to += row;
    *to = ((int32_t)(0x38e38e39u * r3) >> 6) + first;
  }
}
