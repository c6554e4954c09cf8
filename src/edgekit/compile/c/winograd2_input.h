#pragma once
#include "winograd2_transforms.h"
#include "winograd_words.h"

/* B^T d B for all channels of one tile, four at a time: columns first, then rows. The tiles of LANES lie in turn. */
static EDGEKIT_APART void NAME(const uint8_t *rows, int32_t row, int32_t channels, edgekit_word *v, int32_t stride,
                               int32_t quads) {
  uint32_t columns[16];
  for (; quads > 0; --quads, rows += 4, v += 2 * LANES) {
    const uint8_t *top;
    edgekit_word *out;
    top = rows;
    for (uint32_t *to = columns; to != columns + 4; ++to, top += channels) {
      const uint8_t *p = top;
      const uint32_t d0 = LOAD(p, 0);
      p += row;
      const uint32_t d1 = LOAD(p, 0);
      p += row;
      const uint32_t d2 = LOAD(p, 0);
      p += row;
      const uint32_t d3 = LOAD(p, 0);
      p += row;
      WINOGRAD2_BEFORE(to[0], to[4], to[8], to[12]);
    }
    out = v;
    for (const uint32_t *from = columns; from != columns + 16; from += 4) {
      const uint32_t d0 = from[0], d1 = from[1], d2 = from[2], d3 = from[3];
      uint32_t r0, r1, r2, r3;
      WINOGRAD2_BEFORE(r0, r1, r2, r3);
      *out = halves(r0), out += stride;
      *out = halves(r1), out += stride;
      *out = halves(r2), out += stride;
      *out = halves(r3), out += stride;
    }
    top = rows;
    for (uint32_t *to = columns; to != columns + 4; ++to, top += channels) {
      const uint8_t *p = top;
      const uint32_t d0 = LOAD(p, 1);
      p += row;
      const uint32_t d1 = LOAD(p, 1);
      p += row;
      const uint32_t d2 = LOAD(p, 1);
      p += row;
      const uint32_t d3 = LOAD(p, 1);
      p += row;
      WINOGRAD2_BEFORE(to[0], to[4], to[8], to[12]);
    }
    out = v + LANES;
    for (const uint32_t *from = columns; from != columns + 16; from += 4) {
      const uint32_t d0 = from[0], d1 = from[1], d2 = from[2], d3 = from[3];
      uint32_t r0, r1, r2, r3;
      WINOGRAD2_BEFORE(r0, r1, r2, r3);
      *out = halves(r0), out += stride;
      *out = halves(r1), out += stride;
      *out = halves(r2), out += stride;
      *out = halves(r3), out += stride;
    }
  }
}
