#pragma once
#include "preamble.h"

static inline int32_t greater(int32_t best, uint32_t sum) { return (int32_t)sum > best ? (int32_t)sum : best; }
