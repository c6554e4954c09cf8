#pragma once
#include "mac16.h"

/* Columns [x][4] of int16 out of four rows of bytes, or of three with anything below, which are `row` bytes apart and
 * of which every `step`-th byte is taken. */
static EDGEKIT_APART void gather_columns(const uint8_t *x, int32_t rows, int32_t row, int32_t step, int16_t *to,
                                         int32_t count) {
#if EDGEKIT_MAC16
  const uint8_t *x1 = x + row, *x2 = x1 + row, *x3 = x2 + row;
  int32_t a, b, c, d;
  if (rows == 3) {
    __asm__ volatile(
        "loopnez %[count], 1f\n"
        "l8ui %[a], %[x], 0\n"
        "l8ui %[b], %[x1], 0\n"
        "l8ui %[c], %[x2], 0\n"
        "add %[x], %[x], %[step]\n"
        "s16i %[a], %[to], 0\n"
        "add %[x1], %[x1], %[step]\n"
        "s16i %[b], %[to], 2\n"
        "add %[x2], %[x2], %[step]\n"
        "s16i %[c], %[to], 4\n"
        "addi %[to], %[to], 8\n"
        "1:\n"
        : [x] "+&a"(x), [x1] "+&a"(x1), [x2] "+&a"(x2), [to] "+&a"(to), [a] "=&a"(a), [b] "=&a"(b), [c] "=&a"(c)
        : [step] "a"(step), [count] "a"(count)
        : "memory");
    return;
  }
  __asm__ volatile(
      "loopnez %[count], 1f\n"
      "l8ui %[a], %[x], 0\n"
      "l8ui %[b], %[x1], 0\n"
      "l8ui %[c], %[x2], 0\n"
      "l8ui %[d], %[x3], 0\n"
      "add %[x], %[x], %[step]\n"
      "s16i %[a], %[to], 0\n"
      "add %[x1], %[x1], %[step]\n"
      "s16i %[b], %[to], 2\n"
      "add %[x2], %[x2], %[step]\n"
      "s16i %[c], %[to], 4\n"
      "add %[x3], %[x3], %[step]\n"
      "s16i %[d], %[to], 6\n"
      "addi %[to], %[to], 8\n"
      "1:\n"
      : [x] "+&a"(x), [x1] "+&a"(x1), [x2] "+&a"(x2), [x3] "+&a"(x3), [to] "+&a"(to), [a] "=&a"(a), [b] "=&a"(b),
        [c] "=&a"(c), [d] "=&a"(d)
      : [step] "a"(step), [count] "a"(count)
      : "memory");
#else
  for (; count > 0; --count, x += step, to += 4) {
    for (int32_t y = 0; y < rows; ++y) to[y] = x[y * row];
  }
#endif
}
