#pragma once
#include "net.h"

/* The model's input has a scale of 1/255: a pixel p stands for q = p + zero point. */
static int8_t value_of(int byte) {
  const int q = byte + NET_INPUT_ZERO_POINT;
  return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}
