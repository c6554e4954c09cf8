#pragma once
#include "preamble.h"

/* As packed_dot4, but two positions and six channels, whose weights lie in four words: for positions that are few, or
 * farther apart than a load reaches. */
#define TAP(n)             \
  y = v[(n) + STEP];       \
  EDGEKIT_NOW(y)           \
  t = x * weight;          \
  s0 += t;                 \
  EDGEKIT_NOW(s0)          \
  t = w[4 * (n) + 1];      \
  EDGEKIT_NOW(t)           \
  weight = y * weight;     \
  s1 += weight;            \
  EDGEKIT_NOW(s1)          \
  weight = x * t;          \
  t0 += weight;            \
  EDGEKIT_NOW(t0)          \
  weight = w[4 * (n) + 2]; \
  EDGEKIT_NOW(weight)      \
  t = y * t;               \
  t1 += t;                 \
  EDGEKIT_NOW(t1)          \
  t = x * weight;          \
  s2 += t;                 \
  EDGEKIT_NOW(s2)          \
  t = w[4 * (n) + 3];      \
  EDGEKIT_NOW(t)           \
  weight = y * weight;     \
  s3 += weight;            \
  EDGEKIT_NOW(s3)          \
  weight = x * t;          \
  EDGEKIT_NOW(weight)      \
  x = v[(n) + 1];          \
  EDGEKIT_NOW(x)           \
  t2 += weight;            \
  EDGEKIT_NOW(t2)          \
  weight = w[4 * (n) + 4]; \
  EDGEKIT_NOW(weight)      \
  t = y * t;               \
  EDGEKIT_NOW(t)           \
  t3 += t;                 \
  EDGEKIT_NOW(t3)
#define UNPACK(s, t, n)                                \
  {                                                    \
    const uint32_t high = (s) >> 21;                   \
    t -= high << 11;                                   \
    to[n] KEEP(s) & 0x1fffffu;                         \
    to[count + (n)] KEEP(t) & 0x3fffffu;               \
    to[2 * count + (n)] KEEP high + ((t) >> 22 << 11); \
  }
static EDGEKIT_APART void NAME(const uint8_t *at, const uint32_t *words, uint32_t *to, int32_t count, int32_t groups) {
  const uint32_t first = (1u << 20) + (1u << 20 << 21), second = (1u << 21) + (1u << 20 << 11);
  for (; groups > 0; --groups, at += 2 * STEP, to += 2) {
    register uint32_t s0 EDGEKIT_IN(a8) = first;
    register uint32_t s1 EDGEKIT_IN(a9) = first;
    register uint32_t s2 EDGEKIT_IN(a10) = first;
    register uint32_t s3 EDGEKIT_IN(a11) = first;
    register uint32_t t0 EDGEKIT_IN(a12) = second;
    register uint32_t t1 EDGEKIT_IN(a13) = second;
    register uint32_t t2 EDGEKIT_IN(a14) = second;
    register uint32_t t3 EDGEKIT_IN(a15) = second;
    const uint8_t *v = at;
    const uint32_t *w = words;
    uint32_t weight = w[0], y, x, t;
    for (int32_t line = 0; line < LINES; ++line) {
      x = *v;
      for (const uint8_t *end = v + LENGTH; v != end;) {
        TURN;
        v += AT_ONCE;
        w += 4 * AT_ONCE;
      }
      v += PITCH - LENGTH;
    }
    UNPACK(s0, t0, 0)
    UNPACK(s1, t1, 1)
    UNPACK(s2, t2, 3 * count)
    UNPACK(s3, t3, 3 * count + 1)
  }
}
#undef TAP
#undef UNPACK
