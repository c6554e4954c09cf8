#include "classifier_aot/aot_classifier.h"

#include <string.h>

#include "model/info.h"
extern "C" {
#include "model/model.h"
}

namespace edgekit {
namespace {

alignas(16) uint8_t arena[MODEL_ARENA_BYTES > 0 ? MODEL_ARENA_BYTES : 1];

}  // namespace

// Code and description are generated together; a mixture of two builds must not run.
Status AotClassifier::Load() {
  const Model& m = generated::kModel;
  if (MODEL_INPUT_BYTES != m.input_bytes() || MODEL_OUTPUT_BYTES != m.outputs ||
      memcmp(model_sha256, m.sha256, 32) != 0) {
    return {wire::ErrorCode::kNoModel, 0};
  }
  return {};
}

Status AotClassifier::Run(const int8_t* input, int8_t* output) {
  model_invoke(input, output, arena);
  return {};
}

const Model& AotClassifier::model() const { return generated::kModel; }

uint32_t AotClassifier::arena_bytes() const { return MODEL_ARENA_BYTES; }

}  // namespace edgekit
