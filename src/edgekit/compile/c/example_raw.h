#pragma once
#include <stdint.h>

/* The file holds the int8 values of the model's input as they are. */
static int8_t value_of(int byte) { return (int8_t)(byte < 128 ? byte : byte - 256); }
