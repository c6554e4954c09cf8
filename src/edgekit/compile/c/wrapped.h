#pragma once
#include "preamble.h"

/* Where a row lies in memory that holds `lines` rows and then begins again. */
static inline int32_t wrapped(int32_t row, int32_t lines) {
  while (row >= lines) row -= lines;
  return row;
}
