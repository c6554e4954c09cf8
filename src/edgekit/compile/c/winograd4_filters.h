#pragma once
#include "winograd4_transforms.h"
#include "winograd_words.h"

/* G g G^T of two output channels, in one word, for each input channel: what winograd_dot2 and winograd_dot3 multiply
 * with. Nine words hold the taps of two such pairs, each a byte 128 more than it is; the next nine those of the next
 * two. An element's `pairs` words lie behind each other. */
#define WINOGRAD4_TAP(k, first) ((taps[k] >> (first)&0x00ff00ffu) - 0x00800080u)
#define WINOGRAD4_PAIR(first)                                                                                  \
  {                                                                                                            \
    const edgekit_word *const end = taps + 3;                                                                  \
    for (uint32_t *to = columns; taps != end; ++taps, to += 6) {                                               \
      const uint32_t g0 = WINOGRAD4_TAP(0, first), g1 = WINOGRAD4_TAP(3, first), g2 = WINOGRAD4_TAP(6, first); \
      WINOGRAD4_FILTER(0u, to[0], to[1], to[2], to[3], to[4], to[5]);                                          \
    }                                                                                                          \
    edgekit_word *out = filters + (first) / 8;                                                                 \
    for (const uint32_t *from = columns; from != columns + 6; ++from) {                                        \
      const uint32_t g0 = from[0], g1 = from[6], g2 = from[12];                                                \
      uint32_t r0, r1, r2, r3, r4, r5;                                                                         \
      WINOGRAD4_FILTER(0x8000u, r0, r1, r2, r3, r4, r5);                                                       \
      *out = r0 ^ 0x8000u, out += pairs;                                                                       \
      *out = r1 ^ 0x8000u, out += pairs;                                                                       \
      *out = r2 ^ 0x8000u, out += pairs;                                                                       \
      *out = r3 ^ 0x8000u, out += pairs;                                                                       \
      *out = r4 ^ 0x8000u, out += pairs;                                                                       \
      *out = r5 ^ 0x8000u, out += pairs;                                                                       \
    }                                                                                                          \
    taps -= 3;                                                                                                 \
  }
static EDGEKIT_APART void winograd4_filters(const uint32_t *weights, edgekit_word *filters, int32_t pairs) {
  uint32_t columns[18];
  const edgekit_word *taps = weights;
  for (int32_t pair = 0; pair < pairs; pair += 2, taps += 9, filters += 2) {
    WINOGRAD4_PAIR(0)
    WINOGRAD4_PAIR(8)
  }
}
#undef WINOGRAD4_TAP
#undef WINOGRAD4_PAIR
