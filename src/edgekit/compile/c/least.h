#pragma once
#include "preamble.h"

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
