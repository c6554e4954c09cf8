#pragma once
#include "winograd4_transforms.h"

/* A^T m A of one tile, whose sums lie APART behind each other: 16 results.
 * 9 * 0x38e38e39 = 1 modulo 2^32. */
static EDGEKIT_APART void NAME(const uint32_t *m, uint32_t *results) {
  uint32_t rows[24];
  for (uint32_t *to = rows; to != rows + 24; to += 4, m += 6 * APART) {
    const uint32_t a0 = m[0], a1 = m[APART], a2 = m[2 * APART], a3 = m[3 * APART], a4 = m[4 * APART], a5 = m[5 * APART];
    WINOGRAD4_AFTER(to[0], to[1], to[2], to[3]);
  }
  for (const uint32_t *p = rows; p != rows + 4; ++p, ++results) {
    const uint32_t a0 = p[0], a1 = p[4], a2 = p[8], a3 = p[12], a4 = p[16], a5 = p[20];
    uint32_t r0, r1, r2, r3;
    WINOGRAD4_AFTER(r0, r1, r2, r3);
    results[0] = 0x38e38e39u * r0;
    results[4] = 0x38e38e39u * r1;
    results[8] = 0x38e38e39u * r2;
    results[12] = 0x38e38e39u * r3;
  }
}
