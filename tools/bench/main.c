/* Runs a contender on BENCH_IMAGES images and sends to the UART what it took: after the working memory (i32), for every
 * image the ticks of CCOUNT (u32, BENCH_TICK instructions each) and the int8 outputs. The board ends with status 0. */
#include "bench.h"
#define BENCH_WITH_IMAGES
#include "images.h" /* generated: BENCH_IMAGES, BENCH_INPUT_BYTES, BENCH_OUTPUT_BYTES, bench_images */

static volatile uint32_t *const uart = (volatile uint32_t *)BENCH_UART;

static void send(const void *data, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i) {
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = ((const uint8_t *)data)[i];
  }
}

static uint32_t ccount(void) {
  uint32_t ticks;
  __asm__ volatile("rsr.ccount %0" : "=a"(ticks)::"memory");
  return ticks;
}

/* Returns at the beginning of a tick: see firmware/src/main_emulated.cc. */
static void align(void) {
  uint32_t now, last;
  __asm__ volatile(
      "rsr.ccount %0\n"
      "1: mov %1, %0\n"
      "rsr.ccount %0\n"
      "sub %1, %0, %1\n"
      ".rept %2\n nop\n .endr\n"
      "bnei %1, 2, 1b\n" /* BENCH_TICK + 1 instructions */
      : "=&a"(now), "=&a"(last)
      : "i"(BENCH_TICK - 3));
}

int main(void) {
  static int8_t input[BENCH_INPUT_BYTES], output[BENCH_OUTPUT_BYTES];
  const int32_t memory = bench_setup();
  send(&memory, 4);
  if (memory < 0) return 1;
  for (uint32_t i = 0; i < BENCH_IMAGES; ++i) {
    for (uint32_t k = 0; k < BENCH_INPUT_BYTES; ++k) input[k] = bench_images[i][k];
    align();
    const uint32_t begin = ccount();
    if (bench_run(input, output) != 0) return 2;
    const uint32_t ticks = ccount() - begin;
    send(&ticks, 4);
    send(output, BENCH_OUTPUT_BYTES);
  }
  return 0;
}
