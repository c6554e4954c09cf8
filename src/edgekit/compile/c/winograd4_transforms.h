#pragma once
#include "preamble.h"

/* One dimension of B^T: 6 bytes d0, d1, ... become as many results. */
#define WINOGRAD4_BEFORE(r0, r1, r2, r3, r4, r5)                                                \
  const uint32_t even = d4 - 4u * d2, odd = d3 - 4u * d1, near = d4 - d2, far = 2u * (d3 - d1); \
  r0 = 4u * (d0 - d2) + near;                                                                   \
  r1 = even + odd;                                                                              \
  r2 = even - odd;                                                                              \
  r3 = near + far;                                                                              \
  r4 = near - far;                                                                              \
  r5 = d5 - d3 - 2u * far

/* One dimension of A^T: 6 sums a0, a1, ... become 4 results. The last sum stands for half (winograd.py). */
#define WINOGRAD4_AFTER(r0, r1, r2, r3)                                           \
  const uint32_t near = a1 + a2, far = a3 + a4, slope = a1 - a2, steep = a3 - a4; \
  r0 = a0 + near + far;                                                           \
  r1 = slope + 2u * steep;                                                        \
  r2 = near + 4u * far;                                                           \
  r3 = slope + 8u * steep + 2u * a5
