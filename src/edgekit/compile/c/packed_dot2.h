#pragma once
#include "preamble.h"

/* As packed_dot4, but two positions and six channels, whose weights lie in four words: for positions that are few, or
 * farther apart than a load reaches. */
#define TAP(n)            \
  y = v[(n) + STEP];      \
  EDGEKIT_NOW(y)          \
  t = x * w;              \
  s0 += t;                \
  EDGEKIT_NOW(s0)         \
  t = words[4 * (n) + 1]; \
  EDGEKIT_NOW(t)          \
  w = y * w;              \
  s1 += w;                \
  EDGEKIT_NOW(s1)         \
  w = x * t;              \
  t0 += w;                \
  EDGEKIT_NOW(t0)         \
  w = words[4 * (n) + 2]; \
  EDGEKIT_NOW(w)          \
  t = y * t;              \
  t1 += t;                \
  EDGEKIT_NOW(t1)         \
  t = x * w;              \
  s2 += t;                \
  EDGEKIT_NOW(s2)         \
  t = words[4 * (n) + 3]; \
  EDGEKIT_NOW(t)          \
  w = y * w;              \
  s3 += w;                \
  EDGEKIT_NOW(s3)         \
  w = x * t;              \
  EDGEKIT_NOW(w)          \
  x = v[(n) + 1];         \
  EDGEKIT_NOW(x)          \
  t2 += w;                \
  EDGEKIT_NOW(t2)         \
  w = words[4 * (n) + 4]; \
  EDGEKIT_NOW(w)          \
  t = y * t;              \
  EDGEKIT_NOW(t)          \
  t3 += t;                \
  EDGEKIT_NOW(t3)
#define UNPACK(s, t, n)                                \
  {                                                    \
    const uint32_t high = (s) >> 21;                   \
    t -= high << 11;                                   \
    to[n] KEEP(s) & 0x1fffffu;                         \
    to[count + (n)] KEEP(t) & 0x3fffffu;               \
    to[2 * count + (n)] KEEP high + ((t) >> 22 << 11); \
  }
static EDGEKIT_APART void NAME(const uint8_t *v, const uint32_t *words, uint32_t *to, int32_t count) {
  const uint32_t first = (1u << 20) + (1u << 20 << 21), second = (1u << 21) + (1u << 20 << 11);
  register uint32_t s0 EDGEKIT_IN(a8) = first;
  register uint32_t s1 EDGEKIT_IN(a9) = first;
  register uint32_t s2 EDGEKIT_IN(a10) = first;
  register uint32_t s3 EDGEKIT_IN(a11) = first;
  register uint32_t t0 EDGEKIT_IN(a12) = second;
  register uint32_t t1 EDGEKIT_IN(a13) = second;
  register uint32_t t2 EDGEKIT_IN(a14) = second;
  register uint32_t t3 EDGEKIT_IN(a15) = second;
  uint32_t w = words[0], x, y, t;
  for (int32_t line = 0; line < LINES; ++line) {
    x = *v;
    for (const uint8_t *end = v + LENGTH; v != end;) {
      TURN;
      v += AT_ONCE;
      words += 4 * AT_ONCE;
    }
    v += PITCH - LENGTH;
  }
  UNPACK(s0, t0, 0)
  UNPACK(s1, t1, 1)
  to += 3 * count;
  UNPACK(s2, t2, 0)
  UNPACK(s3, t3, 1)
}
#undef TAP
#undef UNPACK
