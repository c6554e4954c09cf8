#pragma once
#include "winograd4_transforms.h"

/* A^T m A in place, `count` tiles of sums one behind the other.
 * 9 * 0x38e38e39 = 1 modulo 2^32. */
static EDGEKIT_APART void winograd4_output(uint32_t *m, int32_t count) {
  for (; count > 0; --count, m += 36) {
    for (uint32_t *p = m; p != m + 6; ++p) {
      const uint32_t a0 = p[0], a1 = p[6], a2 = p[12], a3 = p[18], a4 = p[24], a5 = p[30];
      WINOGRAD4_AFTER(p[0], p[6], p[12], p[18]);
    }
    const uint32_t *p = m;
    uint32_t *to = m;
    for (int32_t i = 0; i < 4; ++i, p += 6, to += 4) {
      const uint32_t a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3], a4 = p[4], a5 = p[5];
      uint32_t r0, r1, r2, r3;
      WINOGRAD4_AFTER(r0, r1, r2, r3);
      to[0] = 0x38e38e39u * r0;
      to[1] = 0x38e38e39u * r1;
      to[2] = 0x38e38e39u * r2;
      to[3] = 0x38e38e39u * r3;
    }
  }
}
