#pragma once
#include "winograd_words.h"

/* One dimension of G, as winograd.py scales it: three taps g0, g1, g2 become six results. */
#define WINOGRAD4_FILTER(r0, r1, r2, r3, r4, r5)                                                    \
  const uint32_t outer = 0u - 4u * (g0 + g2), inner = 4u * g1, far = g0 + 4u * g2, steep = 2u * g1; \
  r0 = 6u * g0;                                                                                     \
  r1 = outer - inner;                                                                               \
  r2 = outer + inner;                                                                               \
  r3 = far + steep;                                                                                 \
  r4 = far - steep;                                                                                 \
  r5 = 12u * g2

static inline uint32_t joined(uint32_t both) { return (both ^ 0x8000u) - 0x8000u; } /* undoes `halves` */

/* G g G^T of one output channel, two input channels at a time; each lies as winograd4x1_input leaves its own. */
static EDGEKIT_APART void winograd4_filter(const edgekit_word *taps, edgekit_word *to, int32_t pairs) {
  uint32_t columns[18];
  for (int32_t pair = 0; pair < pairs; ++pair, taps += 9, ++to) {
    const edgekit_word *w = taps;
    for (uint32_t *column = columns; column != columns + 18; column += 6, ++w) {
      const uint32_t g0 = joined(w[0]), g1 = joined(w[3]), g2 = joined(w[6]);
      WINOGRAD4_FILTER(column[0], column[1], column[2], column[3], column[4], column[5]);
    }
    edgekit_word *out = to;
    for (const uint32_t *row = columns; row != columns + 6; ++row) {
      const uint32_t g0 = row[0], g1 = row[6], g2 = row[12];
      uint32_t r0, r1, r2, r3, r4, r5;
      WINOGRAD4_FILTER(r0, r1, r2, r3, r4, r5);
      *out = halves(r0), out += pairs;
      *out = halves(r1), out += pairs;
      *out = halves(r2), out += pairs;
      *out = halves(r3), out += pairs;
      *out = halves(r4), out += pairs;
      *out = halves(r5), out += pairs;
    }
  }
}
