#pragma once
#include "preamble.h"

/* Sums of four neighbouring positions for three channels, whose weights w0, w1, w2 lie packed in two words:
 * w0 + (w2 << 21) and w1 + (w2 << 11). A window is LINES lines of LENGTH bytes, PITCH bytes apart; the next position
 * is STEP bytes away. Every load stands two instructions in front of its use, in 14 registers. A channel's sums, of
 * `count` positions, lie together; `groups` fours side by side; each is 2^20 (the second's 2^21) too high. */
#define TAP(n)           \
  t = x * wa;            \
  s0 += t;               \
  EDGEKIT_NOW(s0)        \
  t = v[(n) + STEP];     \
  EDGEKIT_NOW(t)         \
  x = x * wb;            \
  t0 += x;               \
  EDGEKIT_NOW(t0)        \
  x = t * wa;            \
  s1 += x;               \
  EDGEKIT_NOW(s1)        \
  x = v[(n) + 2 * STEP]; \
  EDGEKIT_NOW(x)         \
  t = t * wb;            \
  t1 += t;               \
  EDGEKIT_NOW(t1)        \
  t = x * wa;            \
  s2 += t;               \
  EDGEKIT_NOW(s2)        \
  t = v[(n) + 3 * STEP]; \
  EDGEKIT_NOW(t)         \
  x = x * wb;            \
  t2 += x;               \
  EDGEKIT_NOW(t2)        \
  x = t * wa;            \
  EDGEKIT_NOW(x)         \
  wa = w[2 * (n) + 2];   \
  EDGEKIT_NOW(wa)        \
  s3 += x;               \
  EDGEKIT_NOW(s3)        \
  x = v[(n) + 1];        \
  EDGEKIT_NOW(x)         \
  t = t * wb;            \
  EDGEKIT_NOW(t)         \
  wb = w[2 * (n) + 3];   \
  EDGEKIT_NOW(wb)        \
  t3 += t;               \
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
  for (; groups > 0; --groups, at += 4 * STEP, to += 4) {
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
    uint32_t wa = w[0], wb = w[1], x, t;
    for (int32_t line = 0; line < LINES; ++line) {
      x = *v;
      for (const uint8_t *end = v + LENGTH; v != end;) {
        TURN;
        v += AT_ONCE;
        w += 2 * AT_ONCE;
      }
      v += PITCH - LENGTH;
    }
    UNPACK(s0, t0, 0)
    UNPACK(s1, t1, 1)
    UNPACK(s2, t2, 2)
    UNPACK(s3, t3, 3)
  }
}
#undef TAP
#undef UNPACK
