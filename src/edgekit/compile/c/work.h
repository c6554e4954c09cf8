#pragma once
#include "preamble.h"

/* What every share of a step needs: the window in 16 bits, where its results go, memory for all shares, how many
 * rows of results it makes, and the first of its tiles. */
typedef struct {
  const int16_t *rows;
  uint8_t *output, *room;
  int32_t made, first;
} work;
