#pragma once
#include "preamble.h"

/* Copies `count` image rows, from row `top` on, to `rows`, with `zero` wherever the window leaves the image. */
static EDGEKIT_APART void gather_rows(uint8_t *rows, const uint8_t *image, int32_t top, int32_t count, int32_t height,
                                      int32_t image_row, int32_t row, int32_t left, int32_t used, uint8_t zero,
                                      uint8_t flip) {
  for (int32_t i = 0; i < count; ++i, rows += row) {
    const int32_t y = top + i;
    const int32_t outside = y < 0 || y >= height;
    const int32_t from = outside ? row : left, to = left + used;
    for (int32_t j = 0; j < from; ++j) rows[j] = zero;
    if (outside) continue;
    const uint8_t *source = image + y * image_row;
    if (flip) {
      for (int32_t j = 0; j < used; ++j) rows[left + j] = (uint8_t)(source[j] ^ flip);
    } else {
      memcpy(rows + left, source, (size_t)used);
    }
    for (int32_t j = to; j < row; ++j) rows[j] = zero;
  }
}
