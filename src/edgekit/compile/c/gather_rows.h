#pragma once
#include "fill.h"

/* Copies `count` image rows, from row `top` on, to `rows`, with `zero` wherever the window leaves the image. */
static EDGEKIT_APART void gather_rows(uint8_t *rows, const uint8_t *image, int32_t top, int32_t count, int32_t height,
                                      int32_t image_row, int32_t row, int32_t left, int32_t used, uint8_t zero,
                                      uint8_t flip) {
  for (int32_t i = 0; i < count; ++i, rows += row) {
    const int32_t y = top + i;
    const int32_t outside = y < 0 || y >= height;
    const int32_t from = outside ? row : left, to = left + used;
    fill(rows, zero, from);
    if (outside) continue;
    const uint8_t *source = image + y * image_row;
    if (flip) {
      uint8_t *bytes = rows + left;
      int32_t j = 0;
      for (; j + 4 <= used; j += 4) {
        const uint8_t a = source[j], b = source[j + 1], c = source[j + 2], d = source[j + 3];
        EDGEKIT_IN_ORDER
        bytes[j] = a ^ flip, bytes[j + 1] = b ^ flip, bytes[j + 2] = c ^ flip, bytes[j + 3] = d ^ flip;
      }
      for (; j < used; ++j) bytes[j] = source[j] ^ flip;
    } else {
      memcpy(rows + left, source, (size_t)used);
    }
    fill(rows + to, zero, row - to);
  }
}
