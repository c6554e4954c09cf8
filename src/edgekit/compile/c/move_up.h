#pragma once
#include "preamble.h"

/* Of `count` rows in memory, the first of which has the number `first`, drops those before number `needed`. Gives the
 * number of what is then the first. */
static inline int32_t move_up(uint8_t *rows, int32_t first, int32_t needed, int32_t count, int32_t row) {
  const int32_t dropped = needed - first;
  if (dropped <= 0) return first;
  for (int32_t i = dropped; i < count; ++i) memcpy(rows + (i - dropped) * row, rows + i * row, (size_t)row);
  return needed;
}
