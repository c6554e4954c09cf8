#pragma once
#include "greater.h"
#include "winograd2_transforms.h"

/* As winograd2_output, but the greatest result of every 2x2 window. */
static EDGEKIT_APART void winograd2_output_pooled(uint32_t *m, int32_t count) {
  for (; count > 0; --count, m += 16) {
    for (uint32_t *p = m; p != m + 4; ++p) {
      const uint32_t a0 = p[0], a1 = p[4], a2 = p[8], a3 = p[12];
      WINOGRAD2_AFTER(p[0], p[4]);
    }
    const uint32_t *p = m;
    uint32_t *to = m;
    for (int32_t i = 0; i < 2; i += 2, to += 1) {
      int32_t best0;
      {
        const uint32_t a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3];
        uint32_t r0, r1;
        WINOGRAD2_AFTER(r0, r1);
        best0 = greater((int32_t)(r0), r1);
        p += 4;
      }
      {
        const uint32_t a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3];
        uint32_t r0, r1;
        WINOGRAD2_AFTER(r0, r1);
        best0 = greater(best0, (uint32_t)greater((int32_t)(r0), r1));
        p += 4;
      }
      to[0] = (uint32_t)best0;
    }
  }
}
