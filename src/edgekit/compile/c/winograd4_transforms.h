#pragma once
#include "preamble.h"

/* One dimension of B^T: 6 bytes d0, d1, ... become as many results, each with `more` added. */
#define WINOGRAD4_BEFORE(more, r0, r1, r2, r3, r4, r5)                   \
  const uint32_t near = d4 - d2, slope = d3 - d1, even = 4u * d2 - d4;   \
  const uint32_t odd = 4u * d1 - d3 + (more), far = 2u * slope + (more); \
  r0 = 4u * (d0 - d2) + near + (more);                                   \
  r1 = odd + even;                                                       \
  r2 = odd - even;                                                       \
  r3 = far + near;                                                       \
  r4 = far - near;                                                       \
  r5 = 4u * slope - (d5 - d3 - (more))

/* One dimension of A^T: 6 sums a0, a1, ... become 4 results. The last sum stands for half (winograd.py). */
#define WINOGRAD4_AFTER(r0, r1, r2, r3)                                           \
  const uint32_t near = a1 + a2, far = a3 + a4, slope = a1 - a2, steep = a3 - a4; \
  r0 = a0 + near + far;                                                           \
  r1 = slope + 2u * steep;                                                        \
  r2 = near + 4u * far;                                                           \
  r3 = slope + 8u * steep + 2u * a5

/* One dimension of G, as winograd.py scales it: three taps g0, g1, g2 become six results. */
#define WINOGRAD4_FILTER(more, r0, r1, r2, r3, r4, r5)                          \
  const uint32_t outer = g0 + g2, far = g0 + 4u * g2 - (more), steep = 2u * g1; \
  r0 = 2u * g0 + 4u * g0 + (more);                                              \
  r1 = 4u * (g1 + outer) + (more);                                              \
  r2 = 4u * (g1 - outer) + (more);                                              \
  r3 = steep + far + 2u * (more);                                               \
  r4 = steep - far;                                                             \
  r5 = 4u * g2 - (16u * g2 - (more))
