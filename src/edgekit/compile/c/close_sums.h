#pragma once
#include "preamble.h"

/* Takes what was computed twice at the ends out of `rows` rows of `columns` sums, which were computed `positions` at a
 * time, the last of them overlapping those before. */
static EDGEKIT_APART void close_sums(uint32_t *sums, int32_t rows, int32_t columns, int32_t positions) {
  const int32_t rest = columns % positions;
  if (rest == 0) return;
  const uint32_t *from = sums;
  for (; rows > 0; --rows) {
    for (int32_t i = rest; i < columns; ++i) *sums++ = *from++;
    from += positions - rest;
    for (int32_t i = 0; i < rest; ++i) *sums++ = *from++;
  }
}
