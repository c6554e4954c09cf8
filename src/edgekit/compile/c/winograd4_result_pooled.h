#pragma once
#include "greater_mac16.h"
#include "winograd4_sum_rows.h"

/* As winograd4_result, but the greatest of every 2x2 results: 2 rows of 2. 9 * 0x38e38e39 = 1 modulo 2^32. */
static EDGEKIT_APART void NAME(const uint32_t *m, int32_t first, int32_t *results, int32_t row) {
  uint32_t rows[24];
  WINOGRAD4_SUM_ROWS(m, rows, APART)
  for (const uint32_t *p = rows; p != rows + 4; p += 2, ++results) {
    int32_t best0, best1;
    {
      const uint32_t a0 = p[0], a1 = p[4], a2 = p[8], a3 = p[12], a4 = p[16], a5 = p[20];
      uint32_t r0, r1, r2, r3;
      WINOGRAD4_AFTER(r0, r1, r2, r3);
      best0 = greater_mac16((int32_t)(0x38e38e39u * r0), 0x38e38e39u * r1);
      best1 = greater_mac16((int32_t)(0x38e38e39u * r2), 0x38e38e39u * r3);
    }
    {
      const uint32_t a0 = p[1], a1 = p[5], a2 = p[9], a3 = p[13], a4 = p[17], a5 = p[21];
      uint32_t r0, r1, r2, r3;
      WINOGRAD4_AFTER(r0, r1, r2, r3);
      best0 = greater_mac16(greater_mac16(best0, 0x38e38e39u * r0), 0x38e38e39u * r1);
      best1 = greater_mac16(greater_mac16(best1, 0x38e38e39u * r2), 0x38e38e39u * r3);
    }
    results[0] = (best0 >> 6) + first;
    results[row] = (best1 >> 6) + first;
  }
}
