#pragma once
#include "preamble.h"

/* What every share of a step needs: the rows under it, where its results go, memory for all shares, how many results a
 * channel has. */
typedef struct {
  const uint8_t *rows;
  uint8_t *output, *room;
  int32_t made;
} byte_work;
