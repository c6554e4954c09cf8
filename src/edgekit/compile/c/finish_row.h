#pragma once
#include "channel.h"

/* What the channels of a layer share (channel.h): `low`, `high` and `offset` as the output's bytes are stored, which
 * `flip` turns into q + 128; `zone`: the bits of a scaled value that are 0 close behind an edge. */
typedef struct {
  int32_t low, high, drop;
  uint32_t offset, zone;
  int32_t zero, flip;
} finishing;

/* The byte for a sum outside the staircase, or close behind an edge. */
static EDGEKIT_APART uint32_t finish_seldom(uint32_t sum, const channel *to, const finishing *how) {
  const int32_t value = (int32_t)(sum + (uint32_t)to->bias);
  if (value <= to->start) return (uint32_t)how->low;
  if (value >= to->end) return (uint32_t)how->high;
  return (uint32_t)worked_out(value, to, how->low ^ how->flip, how->high ^ how->flip, how->zero) ^ (uint32_t)how->flip;
}

/* The bytes of one channel for its `count` sums, `step` bytes apart; one sum more is read. A value lies less than 2^31
 * above `start` (fast_requant.py). */
static EDGEKIT_APART void finish_row(const uint32_t *sums, int32_t count, const channel *to, uint8_t *out, int32_t step,
                                     const finishing *how) {
  const uint32_t base = (uint32_t)to->bias - (uint32_t)to->start - 1u, scale = to->scale, zone = how->zone;
  const uint32_t inside = (uint32_t)to->end - (uint32_t)to->start - 1u, offset = how->offset;
  const int32_t drop = how->drop;
  const uint32_t *const last = sums + count;
  uint32_t sum = *sums;
  do {
    uint32_t ahead = sum + base;
    EDGEKIT_NOW(ahead)
    sum = *++sums;
    EDGEKIT_NOW(sum)
    uint32_t byte;
    if (ahead < inside) {
      const uint32_t scaled = (ahead >> drop) * scale + offset;
      byte = scaled >> 24;
      if (EDGEKIT_RARELY((scaled & zone) == 0)) goto seldom;
    } else {
      byte = (offset >> 24) - 1u;
      if (EDGEKIT_RARELY((int32_t)ahead >= 0)) {
      seldom:
        byte = finish_seldom(ahead - base, to, how);
      }
    }
    *out = (uint8_t)byte;
    out += step;
  } while (sums != last);
}
