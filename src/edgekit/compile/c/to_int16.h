#pragma once
#include "preamble.h"

/* `value` within 16 bits. */
static int32_t to_int16(int32_t value) { return value < -32768 ? -32768 : value > 32767 ? 32767 : value; }
