#pragma once
#include "preamble.h"

/* One dimension of B^T: 4 bytes d0, d1, ... become as many results. */
#define WINOGRAD2_BEFORE(r0, r1, r2, r3) \
  r0 = d0 - d2;                          \
  r1 = d1 + d2;                          \
  r2 = d2 - d1;                          \
  r3 = d1 - d3

/* One dimension of A^T: 4 sums a0, a1, ... become 2 results. */
#define WINOGRAD2_AFTER(r0, r1) \
  r0 = a0 + a1 + a2;            \
  r1 = a1 - a2 - a3
