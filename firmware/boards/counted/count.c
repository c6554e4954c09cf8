/* A compiled model with nothing around it, so that a plugin of QEMU can count what its layers do
 * (src/edgekit/boards/counter.c). "run.h" is generated: RUNS, INPUT_BYTES, OUTPUT_BYTES,
 * ARENA_BYTES, STEPS, invoke(), and images.bin with the inputs, RUNS x INPUT_BYTES. Outputs go to
 * the UART. Ends with status 0. */
#include <stdint.h>
#include <string.h>

#include "run.h"

/* Mark 0 ends a call; i + 1 begins operator i, where the program says so; the last is what no
 * operator does. */
volatile uint8_t edgekit_marks[STEPS + 2];

void model_step(int32_t step) { edgekit_marks[step < STEPS ? step + 1 : STEPS + 1] = 1; }

__asm__(
    ".section .inputs, \"a\"\n .balign 4\n .global inputs\ninputs:\n .incbin \"images.bin\"\n"
    ".text\n");
extern const int8_t inputs[RUNS][INPUT_BYTES];
static int8_t input[INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output[OUTPUT_BYTES] __attribute__((aligned(16)));
static uint8_t arena[ARENA_BYTES] __attribute__((aligned(16)));

int main(void) {
  volatile uint32_t *const uart = (volatile uint32_t *)COUNT_UART;
  for (int32_t run = 0; run < RUNS; ++run) {
    memcpy(input, inputs[run], sizeof(input));
    edgekit_marks[STEPS + 1] = 1;
    invoke(input, output, arena);
    edgekit_marks[0] = 1;
    for (uint32_t i = 0; i < sizeof(output); ++i) {
      while (!(uart[5] & 0x20)) {
      }
      uart[0] = (uint8_t)output[i];
    }
  }
  return 0;
}
