#include "classifier_aot/aot_classifier.h"

#include <string.h>

extern "C" {
#include "model/model_call.h"
}

namespace edgekit {
namespace {

alignas(16) uint8_t arena[MODEL_ARENA_BYTES > 0 ? MODEL_ARENA_BYTES : 1];

#ifdef MODEL_STATE_BYTES
model_state state;
#endif

#if EDGEKIT_PROFILE
#ifndef MODEL_STEPS
#error "EDGEKIT_PROFILE needs a model written by: edgekit firmware --profile"
#endif
Clock* profile_clock = nullptr;
uint32_t ticks_by_step[MODEL_STEPS] = {};
uint32_t step_since = 0;
int32_t step_now = MODEL_STEPS;  // none
#endif

// Whether the code was generated from this model.
bool IsOwn(const Model& m) {
  return MODEL_CALL_INPUT_BYTES == m.inputs.bytes() &&
         MODEL_CALL_OUTPUT_BYTES == m.outputs.bytes() && memcmp(model_sha256, m.sha256, 32) == 0;
}

}  // namespace

// Code and description are generated together; a mixture of two builds must not run.
Status AotClassifier::Load() {
  if (!IsOwn(kModel)) return {wire::ErrorCode::kNoModel, 0};
  return {};
}

Status AotClassifier::LoadStored(const Stored& stored) {
  if (!IsOwn(stored.model)) return {wire::ErrorCode::kBuiltInAlone, 0};
  model_ = &stored.model;
  return {};
}

Status AotClassifier::Reset() {
#ifdef MODEL_STATE_BYTES
  model_reset(&state);
#endif
  return {};
}

Status AotClassifier::Run(const int8_t* input, int8_t* output) {
#if EDGEKIT_PROFILE
  memset(ticks_by_step, 0, sizeof(ticks_by_step));
  profile_clock->AlignTicks();
#endif
#ifdef MODEL_STATE_BYTES
  model_call(input, output, &state, arena);
#else
  model_call(input, output, arena);
#endif
  return {};
}

uint32_t AotClassifier::arena_bytes() const { return MODEL_ARENA_BYTES; }

#if EDGEKIT_PROFILE
void AotClassifier::ProfileWith(Clock& clock) { profile_clock = &clock; }

StepTicks AotClassifier::step_ticks() const { return {ticks_by_step, MODEL_STEPS}; }

// The generated C calls this as it goes from one step to the next.
extern "C" void model_step(int32_t step) {
  const uint32_t now = profile_clock->Ticks();
  if (step_now < MODEL_STEPS) ticks_by_step[step_now] += now - step_since;
  step_now = step;
  step_since = now;
}
#endif

}  // namespace edgekit
