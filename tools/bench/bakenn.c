/* bakeNN's portable C. */
#include "bench.h"
#include "bknn_peer.h"

static uint8_t arena[BKNN_PEER_ARENA_SIZE] __attribute__((aligned(16)));

int32_t bench_setup(void) { return (int32_t)sizeof(arena); }
int32_t bench_run(const int8_t *input, int8_t *output) {
  bknn_peer_infer(arena, input, output);
  return 0;
}
