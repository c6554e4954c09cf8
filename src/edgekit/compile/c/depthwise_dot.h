#pragma once
#include "preamble.h"

/* Sums of one channel at COUNT neighbouring positions, `blocks` times one behind the other: TAPS weights, of
 * which TURN takes WIDTH, column by column: a column's byte serves all positions that see it, and the next is loaded
 * two instructions before its use. */
#define WEIGHT(w, n) \
  w = weights[n];    \
  EDGEKIT_NOW(w)
#define AHEAD(u, n) \
  u = v[n];         \
  EDGEKIT_NOW(u)
#define USE(s, u, w, unused) \
  unused = u * w;            \
  s += unused;               \
  EDGEKIT_NOW(s)
#define LAST(s, u, w) USE(s, u, w, u)
static EDGEKIT_APART void NAME(const uint8_t *at, const uint32_t *first, uint32_t *sums, int32_t blocks) {
  for (; blocks > 0; --blocks, at += COUNT * STEP, sums += COUNT) {
    SUMS;
    const uint8_t *v = at;
    for (const uint32_t *weights = first; weights != first + TAPS; weights += WIDTH, v += PITCH) {
      uint32_t VALUES;
      TURN;
    }
    STORE;
  }
}
#undef WEIGHT
#undef AHEAD
#undef USE
#undef LAST
