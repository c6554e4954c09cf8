// Many generated models in one program for the emulated board: runs each on its inputs, writes all
// outputs to the UART (at the address -DUART=), and ends QEMU. batch.h, made by emulated_models.py, holds
// `kJobs` and `arena`.
#include <stddef.h>
#include <stdint.h>

using Invoke = void (*)(const int8_t*, int8_t*, void*);  // or int16_t, of the same size in a call

struct Job {
  Invoke invoke;
  const int8_t* inputs;
  uint32_t count, input_bytes, output_bytes;
};

#include "batch.h"

int main() {
  volatile uint32_t* const uart = reinterpret_cast<volatile uint32_t*>(UART);
  alignas(16) static int8_t output[4096];
  for (const Job& job : kJobs) {
    for (uint32_t i = 0; i < job.count; ++i) {
      job.invoke(job.inputs + i * job.input_bytes, output, arena);
      for (uint32_t k = 0; k < job.output_bytes; ++k) {
        while (!(uart[5] & 0x20)) {
        }
        uart[0] = static_cast<uint8_t>(output[k]);
      }
    }
  }
  return 0;
}
