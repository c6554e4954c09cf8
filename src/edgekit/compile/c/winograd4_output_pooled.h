#pragma once
#include "greater.h"
#include "winograd4_transforms.h"

/* As winograd4_output, but the greatest result of every 2x2 window.
 * 9 * 0x38e38e39 = 1 modulo 2^32. */
static EDGEKIT_APART void winograd4_output_pooled(uint32_t *m, int32_t count) {
  for (; count > 0; --count, m += 36) {
    for (uint32_t *p = m; p != m + 6; ++p) {
      const uint32_t a0 = p[0], a1 = p[6], a2 = p[12], a3 = p[18], a4 = p[24], a5 = p[30];
      WINOGRAD4_AFTER(p[0], p[6], p[12], p[18]);
    }
    const uint32_t *p = m;
    uint32_t *to = m;
    for (int32_t i = 0; i < 4; i += 2, to += 2) {
      int32_t best0, best1;
      {
        const uint32_t a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3], a4 = p[4], a5 = p[5];
        uint32_t r0, r1, r2, r3;
        WINOGRAD4_AFTER(r0, r1, r2, r3);
        best0 = greater((int32_t)(0x38e38e39u * r0), 0x38e38e39u * r1);
        best1 = greater((int32_t)(0x38e38e39u * r2), 0x38e38e39u * r3);
        p += 6;
      }
      {
        const uint32_t a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3], a4 = p[4], a5 = p[5];
        uint32_t r0, r1, r2, r3;
        WINOGRAD4_AFTER(r0, r1, r2, r3);
        best0 = greater(best0, (uint32_t)greater((int32_t)(0x38e38e39u * r0), 0x38e38e39u * r1));
        best1 = greater(best1, (uint32_t)greater((int32_t)(0x38e38e39u * r2), 0x38e38e39u * r3));
        p += 6;
      }
      to[0] = (uint32_t)best0;
      to[1] = (uint32_t)best1;
    }
  }
}
