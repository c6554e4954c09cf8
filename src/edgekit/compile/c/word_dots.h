#pragma once
#include "mac16.h"

/* Bytes in 16 bits, of every four first 0 and 2, then 1 and 3, as `word_dots` has its weights; their sum. */
static EDGEKIT_APART int32_t widen_for_words(int16_t *to, const uint8_t *from, int32_t count) {
  int32_t sum = 0;
  for (; count > 0; count -= 4, from += 4, to += 4) {
    const int16_t a = from[0];
    const int16_t b = count > 1 ? from[1] : 0, c = count > 2 ? from[2] : 0, d = count > 3 ? from[3] : 0;
    to[0] = a, to[1] = c, to[2] = b, to[3] = d;
    sum += a + b + c + d;
  }
  return sum;
}

/* One x for rows of weights that are read once, four bytes w + 128 in a word: sums[i] = first[i] - less + sum of
 * (w[i][k] + 128) * x[k] over 4 * words taps, for i < count. Reads one word behind the weights and two behind x. */
static EDGEKIT_APART void word_dots(const int16_t *x, const uint32_t *w, int32_t words, const int32_t *first,
                                    int32_t less, int32_t *sums, int32_t count) {
#if EDGEKIT_MAC16
  const int32_t *const end = sums + count;
  uint32_t word, high;
  int32_t low;
  x -= 2;
  __asm__ volatile(
      "l32i %[word], %[w], 0\n"
      "0:\n"
      "l32i %[low], %[first], 0\n"
      "ldinc m0, %[x]\n"
      "ldinc m1, %[x]\n"
      "sub %[low], %[low], %[less]\n"
      "addi %[first], %[first], 4\n"
      "wsr.acclo %[low]\n"
      "loopnez %[words], 1f\n"
      "and %[low], %[word], %[mask]\n"
      "srli %[high], %[word], 8\n"
      "l32i %[word], %[w], 4\n"
      "mula.da.ll m0, %[low]\n"
      "and %[high], %[high], %[mask]\n"
      "mula.da.hh.ldinc m0, %[x], m0, %[low]\n"
      "addi %[w], %[w], 4\n"
      "mula.da.ll m1, %[high]\n"
      "mula.da.hh.ldinc m1, %[x], m1, %[high]\n"
      "1:\n"
      "sub %[x], %[x], %[run]\n"
      "rsr.acclo %[low]\n"
      "s32i %[low], %[sums], 0\n"
      "addi %[sums], %[sums], 4\n"
      "bne %[sums], %[end], 0b\n"
      : [x] "+&a"(x), [w] "+&a"(w), [first] "+&a"(first), [sums] "+&a"(sums), [word] "=&a"(word), [low] "=&a"(low),
        [high] "=&a"(high)
      : [words] "a"(words), [less] "a"(less), [end] "a"(end), [mask] "a"(0x00ff00ff), [run] "a"(8 * words + 8)
      : "memory");
#else
  for (; count > 0; --count) {
    uint32_t sum = (uint32_t)*first++ - (uint32_t)less;
    for (int32_t i = 0; i < words; ++i, ++w) {
      const int16_t *const four = x + 4 * i;
      sum += (uint32_t)four[0] * (*w & 255u) + (uint32_t)four[1] * (*w >> 16 & 255u);
      sum += (uint32_t)four[2] * (*w >> 8 & 255u) + (uint32_t)four[3] * (*w >> 24);
    }
    *sums++ = (int32_t)sum;
  }
#endif
}
