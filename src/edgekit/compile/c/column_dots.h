#pragma once
#include "mac16.h"
#include "winograd_words.h"

/* Filters of 3x3 taps over columns [x][4] of int16, of which a word holds the upper two rows and the next the lower
 * two. Five words hold the taps [y][x]: 00 and 10, 01 and 11, 02 and 12, 20 and 21, 22. */
#if EDGEKIT_MAC16
/* Each result's nine multiplications, and the loads of its columns behind the first and of the next one's first. The
 * first three taps of a column are multiplied with one register's halves twice and with another's once: those of rows 0
 * to 2 with the first word in m0 or m1, those of rows 1 to 3 with the second word there. Every register is loaded two
 * instructions ahead of its use. */
#define UPPER_ROW                          \
  "ldinc m0, %[x]\n"                       \
  "ldinc m2, %[x]\n"                       \
  "loopnez %[count], 1f\n"                 \
  "wsr.acclo %[first]\n"                   \
  "mula.da.ll.ldinc m1, %[x], m0, %[t0]\n" \
  "mula.da.hh.ldinc m3, %[x], m0, %[t0]\n" \
  "mula.ad.ll %[t3], m2\n"                 \
  "mula.da.ll.ldinc m0, %[x], m1, %[t1]\n" \
  "mula.da.hh.ldinc m2, %[x], m1, %[t1]\n" \
  "mula.ad.hl %[t3], m3\n"                 \
  "add %[x], %[x], %[back]\n"              \
  "mula.da.ll m0, %[t2]\n"                 \
  "mula.da.hh.ldinc m0, %[x], m0, %[t2]\n" \
  "mula.ad.ll %[t4], m2\n"                 \
  "ldinc m2, %[x]\n"                       \
  "rsr.acclo %[sum]\n"                     \
  "s32i %[sum], %[sums], 0\n"              \
  "addi %[sums], %[sums], 4\n"             \
  "1:\n"
#define LOWER_ROW                          \
  "ldinc m2, %[x]\n"                       \
  "ldinc m0, %[x]\n"                       \
  "loopnez %[count], 2f\n"                 \
  "wsr.acclo %[first]\n"                   \
  "mula.da.lh.ldinc m3, %[x], m0, %[t0]\n" \
  "mula.da.hl.ldinc m1, %[x], m0, %[t3]\n" \
  "mula.ad.lh %[t0], m2\n"                 \
  "mula.ad.lh %[t1], m3\n"                 \
  "mula.da.lh.ldinc m2, %[x], m1, %[t1]\n" \
  "mula.da.hh.ldinc m0, %[x], m1, %[t3]\n" \
  "add %[x], %[x], %[back]\n"              \
  "mula.ad.lh %[t2], m2\n"                 \
  "mula.da.lh.ldinc m2, %[x], m0, %[t2]\n" \
  "mula.da.hl.ldinc m0, %[x], m0, %[t4]\n" \
  "rsr.acclo %[sum]\n"                     \
  "s32i %[sum], %[sums], 0\n"              \
  "addi %[sums], %[sums], 4\n"             \
  "2:\n"
#endif

/* Sums of `sets` pairs of rows (or single rows) of `count` results each, which start with `first`. A result lies
 * `step` columns right of the last, and the columns of a set lie behind those of the last; one column behind them all
 * is read. */
static EDGEKIT_APART void column_dots(const int16_t *x, int32_t step, const edgekit_word *taps, int32_t first,
                                      int32_t *sums, int32_t count, int32_t rows, int32_t sets) {
#if EDGEKIT_MAC16
  const int32_t *const end = sums + count * rows * sets;
  int32_t sum;
  x -= 2;
  do { /* not to be counted, lest the compiler put a hardware loop around those in here */
    const int16_t *const begin = x;
    __asm__ volatile(UPPER_ROW
                     : [x] "+&a"(x), [sums] "+&a"(sums), [sum] "=&a"(sum)
                     : [t0] "a"(taps[0]), [t1] "a"(taps[1]), [t2] "a"(taps[2]), [t3] "a"(taps[3]), [t4] "a"(taps[4]),
                       [first] "a"(first), [count] "a"(count), [back] "a"(8 * step - 24)
                     : "memory");
    if (rows == 2) {
      x = begin;
      __asm__ volatile(LOWER_ROW
                       : [x] "+&a"(x), [sums] "+&a"(sums), [sum] "=&a"(sum)
                       : [t0] "a"(taps[0]), [t1] "a"(taps[1]), [t2] "a"(taps[2]), [t3] "a"(taps[3]), [t4] "a"(taps[4]),
                         [first] "a"(first), [count] "a"(count), [back] "a"(8 * step - 24)
                       : "memory");
    }
    x += 4 * (2 - step);
  } while (sums != end);
#else
  for (int32_t set = 0; set < sets; ++set, x += 4 * ((count - 1) * step + 3)) {
    for (int32_t row = 0; row < rows; ++row) {
      const int16_t *at = x + row;
      for (int32_t i = 0; i < count; ++i, at += 4 * step) {
        int32_t sum = first;
        for (int32_t k = 0; k < 3; ++k) {
          sum += at[4 * k] * (int16_t)(taps[k] & 0xffffu) + at[4 * k + 1] * (int16_t)(taps[k] >> 16);
        }
        sum += at[2] * (int16_t)(taps[3] & 0xffffu) + at[6] * (int16_t)(taps[3] >> 16);
        *sums++ = sum + at[10] * (int16_t)(taps[4] & 0xffffu);
      }
    }
  }
#endif
}
