#pragma once
#include "preamble.h"

/* a * b / 2^31, rounded to the nearest. */
static int32_t high_multiply(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }
