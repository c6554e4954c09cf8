/* edgekit's own C. */
#include "bench.h"
#include "model.h"

static unsigned char arena[MODEL_ARENA_BYTES] __attribute__((aligned(16)));

int32_t bench_setup(void) { return MODEL_ARENA_BYTES; }
int32_t bench_run(const int8_t *input, int8_t *output) {
  model_invoke(input, output, arena);
  return 0;
}
