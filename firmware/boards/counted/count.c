/* A compiled model with nothing around it, so that a plugin of QEMU can count what its layers do
 * (src/edgekit/boards/counter.c). "run.h" is generated: RUNS, INPUT_BYTES, OUTPUT_BYTES,
 * ARENA_BYTES, STEPS, reset() (which no run counts), invoke(), and images.bin with the inputs,
 * RUNS x INPUT_BYTES. Outputs go to the UART. Ends with status 0.
 * Where two cores are compiled in, both shares of a piece of work run one after the other, each
 * counted for its core, and behind the outputs comes how often the cores met (u32). */
#include <stdint.h>
#include <string.h>

#include "run.h"

/* Mark 0 ends a call; i + 1 begins operator i, where the program says so; the last is what no
 * operator does. */
volatile uint8_t edgekit_marks[STEPS + 2];

static int32_t mark = STEPS + 1; /* the latest */
static void begin(int32_t of) { edgekit_marks[mark = of] = 1; }
void model_step(int32_t step) { begin(step < STEPS ? step + 1 : STEPS + 1); }

#if EDGEKIT_TWO_CORES
volatile uint8_t edgekit_shares[2 * sizeof(edgekit_marks)];
static uint32_t meetings;
void model_pair(void (*work)(const void *job, int32_t part), const void *job) {
  ++meetings;
  edgekit_shares[sizeof(edgekit_marks) + mark] = 1;
  work(job, 1);
  edgekit_shares[mark] = 1;
  work(job, 0);
  begin(mark);
}
#endif

__asm__(
    ".section .inputs, \"a\"\n .balign 4\n .global inputs\ninputs:\n .incbin \"images.bin\"\n"
    ".text\n");
extern const int8_t inputs[RUNS][INPUT_BYTES];
static int8_t input[INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output[OUTPUT_BYTES] __attribute__((aligned(16)));
static uint8_t arena[ARENA_BYTES] __attribute__((aligned(16)));

static void send(const void *data, uint32_t bytes) {
  volatile uint32_t *const uart = (volatile uint32_t *)COUNT_UART;
  for (uint32_t i = 0; i < bytes; ++i) {
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = ((const uint8_t *)data)[i];
  }
}

int main(void) {
  for (int32_t run = 0; run < RUNS; ++run) {
    memcpy(input, inputs[run], sizeof(input));
    reset();
    begin(STEPS + 1);
    invoke(input, output, arena);
    edgekit_marks[0] = 1;
    send(output, sizeof(output));
#if EDGEKIT_TWO_CORES
    send(&meetings, sizeof(meetings));
    meetings = 0;
#endif
  }
  return 0;
}
