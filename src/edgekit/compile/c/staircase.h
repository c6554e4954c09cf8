#pragma once
#include "mac16.h"
#include "requantize.h"
#include "to_byte.h"

/* A channel's sums, counted from the first that gives more than the lowest byte: `first` is what they start with, none
 * is higher than `span` for what follows, `scale` and `offset` make bytes of them (convolutions/staircase.py). */
typedef struct {
  int32_t first, span;
  uint32_t scale, offset;
} channel_slope;

/* What a channel's sums are worked out with where the slope cannot tell: seldom, and therefore kept apart. */
typedef struct {
  int32_t start, multiplier, shift;
} exact_scale;

/* What the channels of a layer share: the bits of a scaled sum that are 0 close behind an edge between two bytes, the
 * scaled sum of those below 0, the bytes' range, and what turns q + 128 into a byte as it is stored. */
typedef struct {
  uint32_t zone, lowest;
  int32_t drop, low, high, zero, flip;
} staircase;

static EDGEKIT_APART uint8_t exact_byte(int32_t sum, const exact_scale *to, const staircase *how) {
  const int32_t value = (int32_t)((uint32_t)sum + (uint32_t)to->start);
  return (uint8_t)(to_byte(requantize(value, to->multiplier, to->shift), how->zero, how->low, how->high) ^ how->flip);
}

/* The bytes of one channel for its `count` sums, `step` bytes apart; reads one sum more. */
static EDGEKIT_APART void staircase_row(const int32_t *sums, int32_t count, uint8_t *out, int32_t step,
                                        const channel_slope *to, const exact_scale *exactly, const staircase *how) {
  const int32_t *const end = sums + count;
#if EDGEKIT_MAC16
  for (;;) {
    int32_t left = (int32_t)(end - sums), sum, low = how->drop, scaled;
    /* Leaves the hardware loop, and `left` as it was, for a sum that is to be worked out. */
    __asm__ volatile(
        "ssr %[low]\n"
        "l32i %[sum], %[sums], 0\n"
        "loopnez %[left], 1f\n"
        "min %[low], %[sum], %[span]\n"
        "srl %[scaled], %[low]\n"
        "l32i %[sum], %[sums], 4\n"
        "mull %[scaled], %[scaled], %[scale]\n"
        "addi %[sums], %[sums], 4\n"
        "add %[scaled], %[scaled], %[offset]\n"
        "movltz %[scaled], %[lowest], %[low]\n"
        "bnone %[scaled], %[zone], 2f\n"
        "extui %[scaled], %[scaled], 24, 8\n"
        "s8i %[scaled], %[out], 0\n"
        "add %[out], %[out], %[step]\n"
        "1:\n"
        "movi %[left], 0\n"
        "2:\n"
        : [sums] "+&a"(sums), [out] "+&a"(out), [left] "+&a"(left), [low] "+&a"(low), [sum] "=&a"(sum),
          [scaled] "=&a"(scaled)
        : [step] "a"(step), [span] "a"(to->span), [scale] "a"(to->scale), [offset] "a"(to->offset),
          [zone] "a"(how->zone), [lowest] "a"(how->lowest)
        : "memory");
    if (left == 0) return;
    *out = exact_byte(sums[-1], exactly, how);
    out += step;
    if (sums == end) return;
  }
#else
  for (; sums != end; ++sums, out += step) {
    const int32_t most = *sums < to->span ? *sums : to->span;
    const uint32_t scaled = most < 0 ? how->lowest : ((uint32_t)most >> how->drop) * to->scale + to->offset;
    *out = scaled & how->zone ? (uint8_t)(scaled >> 24) : exact_byte(*sums, exactly, how);
  }
#endif
}
