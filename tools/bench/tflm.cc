// TensorFlow Lite Micro's interpreter.
#include <string.h>

#include "bench.h"
#include "images.h"
#include "model/model_data.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[BENCH_ARENA_BYTES];
alignas(16) uint8_t memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroMutableOpResolver<edgekit::generated::kOpCount> resolver;
tflite::MicroInterpreter* interpreter = nullptr;

}  // namespace

extern "C" int32_t bench_setup() {
  if (edgekit::generated::AddOps(resolver) != kTfLiteOk) return -1;
  interpreter = new (memory)
      tflite::MicroInterpreter(tflite::GetModel(edgekit::generated::kModelData), resolver, arena,
                               sizeof(arena));
  if (interpreter->AllocateTensors() != kTfLiteOk) return -2;
  return static_cast<int32_t>(interpreter->arena_used_bytes());
}

extern "C" int32_t bench_run(const int8_t* input, int8_t* output) {
  memcpy(interpreter->input(0)->data.int8, input, BENCH_INPUT_BYTES);
  if (interpreter->Invoke() != kTfLiteOk) return 1;
  memcpy(output, interpreter->output(0)->data.int8, BENCH_OUTPUT_BYTES);
  return 0;
}
