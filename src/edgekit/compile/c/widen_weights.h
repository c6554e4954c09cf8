#include "winograd_words.h"

/* Two bytes w + 127 or w + 128 become 16-bit weights: where a borrow from the upper was paid when they were stored, and
 * where there was no room for it. */
#define LESS_127(pair) ((pair)-0x007f007fu)
#define LESS_128(pair) ((pair)-0x00800080u)
#define EACH_LESS_128(pair) ((((pair) | 0x80008000u) - 0x00800080u) ^ 0x80008000u)

/* Four bytes of weights to a word become four 16-bit weights: bytes 0 and 2, then 1 and 3. */
static EDGEKIT_APART void NAME(edgekit_word *to, const uint32_t *from, int32_t quads) {
  for (; quads >= 2; quads -= 2, from += 2, to += 4) {
    const uint32_t a = from[0], b = from[1];
    to[0] = HALVES(a & 0x00ff00ffu);
    to[1] = HALVES(a >> 8 & 0x00ff00ffu);
    to[2] = HALVES(b & 0x00ff00ffu);
    to[3] = HALVES(b >> 8 & 0x00ff00ffu);
  }
  if (quads) {
    to[0] = HALVES(*from & 0x00ff00ffu);
    to[1] = HALVES(*from >> 8 & 0x00ff00ffu);
  }
}
#undef LESS_127
#undef LESS_128
#undef EACH_LESS_128
