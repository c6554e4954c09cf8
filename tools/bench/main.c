/* Runs a contender on BENCH_IMAGES images, counted by a plugin of QEMU (src/edgekit/boards/counter.c), and sends to the
 * UART its working memory (i32) and, for every image, the int8 outputs. The board ends with status 0. */
#include <string.h>

#include "bench.h"
#define BENCH_WITH_IMAGES
#include "images.h" /* generated: BENCH_IMAGES, BENCH_INPUT_BYTES, BENCH_OUTPUT_BYTES, bench_images */

/* Mark 1 begins a run, mark 0 ends it. */
volatile uint8_t edgekit_marks[2];

#if EDGEKIT_TWO_CORES
/* Both shares of a piece of work, one after the other; each is counted for its core. */
volatile uint8_t edgekit_shares[2 * sizeof(edgekit_marks)];
void model_pair(void (*work)(const void *job, int32_t part), const void *job) {
  edgekit_shares[sizeof(edgekit_marks) + 1] = 1;
  work(job, 1);
  edgekit_shares[1] = 1;
  work(job, 0);
  edgekit_marks[1] = 1;
}
#endif

static void send(const void *data, uint32_t bytes) {
  volatile uint32_t *const uart = (volatile uint32_t *)BENCH_UART;
  for (uint32_t i = 0; i < bytes; ++i) {
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = ((const uint8_t *)data)[i];
  }
}

int main(void) {
  static int8_t input[BENCH_INPUT_BYTES], output[BENCH_OUTPUT_BYTES];
  const int32_t memory = bench_setup();
  send(&memory, 4);
  if (memory < 0) return 1;
  for (uint32_t i = 0; i < BENCH_IMAGES; ++i) {
    memcpy(input, bench_images[i], sizeof(input));
    edgekit_marks[1] = 1;
    if (bench_run(input, output) != 0) return 2;
    edgekit_marks[0] = 1;
    send(output, BENCH_OUTPUT_BYTES);
  }
  return 0;
}
