#include "classifier_tflm/tflm_classifier.h"

#include <stdlib.h>
#include <string.h>

#include <new>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tensorflow/lite/schema/schema_utils.h"

// esp-tflite-micro is built with it and tells its users; without it every tensor would be read at
// wrong offsets.
#ifndef TF_LITE_STATIC_MEMORY
#error "build this file with TF_LITE_STATIC_MEMORY, as TFLM itself is built"
#endif

namespace edgekit {
namespace {

using wire::ErrorCode;
using Resolver = tflite::MicroMutableOpResolver<generated::kOpCount>;

constexpr size_t kStepBytes = 4096;
// Above any block that an ESP32 without PSRAM can give.
constexpr size_t kMaxArenaBytes = 256 * 1024;
// TFLM does not look whether the records of variables fit an arena: these are above what it takes.
constexpr size_t kFirstRecordBytes = 1024, kVariableBytes = 32;

Resolver resolver;
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter* interpreter = nullptr;
void* arena = nullptr;

// What an interpreter is made of; the arena's bytes from its first aligned one on.
struct Made {
  const tflite::Model* file = nullptr;
  uint8_t* arena = nullptr;
  size_t bytes = 0;
  int variables = 0;  // no fewer than the file has
  bool calls_once = false;
};
Made made;

TfLiteStatus Make() {
  tflite::MicroAllocator* const allocator = tflite::MicroAllocator::Create(made.arena, made.bytes);
  tflite::MicroResourceVariables* const variables =
      made.variables == 0 ? nullptr
                          : tflite::MicroResourceVariables::Create(allocator, made.variables);
  interpreter =
      new (interpreter_memory) tflite::MicroInterpreter(made.file, resolver, allocator, variables);
  return interpreter->AllocateTensors();
}

void GiveBack() {
  if (interpreter != nullptr) interpreter->~MicroInterpreter();
  interpreter = nullptr;
  free(arena);
  arena = nullptr;
}

bool Is(const TfLiteTensor* tensor, const wire::Tensor& described) {
  return tensor != nullptr && static_cast<uint8_t>(tensor->type) == described.type &&
         tensor->bytes == Elements(described) * ElementBytes(described.type);
}

// Whether the interpreter has these inputs and outputs.
bool Fits(const Tensors& inputs, const Tensors& outputs) {
  if (interpreter->inputs_size() != inputs.count || interpreter->outputs_size() != outputs.count)
    return false;
  for (size_t i = 0; i < inputs.count; ++i) {
    if (!Is(interpreter->input(i), inputs.list[i])) return false;
  }
  for (size_t i = 0; i < outputs.count; ++i) {
    if (!Is(interpreter->output(i), outputs.list[i])) return false;
  }
  return true;
}

// Calls `look` with the code of every operator, in all subgraphs, until it returns false. The
// file's list of codes is no guide: it also names what edgekit left out of the ends.
template <typename Look>
void EachOp(const tflite::Model* file, Look look) {
  for (const tflite::SubGraph* graph : *file->subgraphs()) {
    for (const tflite::Operator* op : *graph->operators()) {
      if (!look(tflite::GetBuiltinCode(file->operator_codes()->Get(op->opcode_index())))) return;
    }
  }
}

// The first operator of the model that the resolver lacks; -1 where it has all.
int FirstUnknownOp(const tflite::Model* file) {
  int unknown = -1;
  EachOp(file, [&unknown](tflite::BuiltinOperator op) {
    if (resolver.FindOp(op) == nullptr) unknown = static_cast<int>(op);
    return unknown < 0;
  });
  return unknown;
}

}  // namespace

Status TflmClassifier::Load() {
  return Prepare(kModel, generated::kModelData, generated::kTflmArenaBytes);
}

Status TflmClassifier::LoadStored(const Stored& stored) {
  return Prepare(stored.model, stored.data, stored.arena_bytes);
}

Status TflmClassifier::Prepare(const Model& model, const uint8_t* tflite,
                               size_t first_arena_bytes) {
  const tflite::Model* file = tflite::GetModel(tflite);
  if (file->version() != TFLITE_SCHEMA_VERSION)
    return {ErrorCode::kNoModel, static_cast<uint32_t>(file->version())};
  static bool registered = generated::AddOps(resolver) == kTfLiteOk;
  if (!registered) return {ErrorCode::kUnsupportedOp, 0};
  const int unknown = FirstUnknownOp(file);
  if (unknown >= 0) return {ErrorCode::kUnsupportedOp, static_cast<uint32_t>(unknown)};
  const Status status = Allocate(file, first_arena_bytes);
  if (!status.ok()) return status;
  if (!Fits(model.inputs, model.outputs)) {
    GiveBack();
    return {ErrorCode::kNoModel, 0};
  }
  arena_bytes_ = static_cast<uint32_t>(interpreter->arena_used_bytes());
  model_ = &model;
  return {};
}

Status TflmClassifier::Allocate(const void* tflite, size_t first_arena_bytes) {
  made.file = static_cast<const tflite::Model*>(tflite);
  made.variables = 0;
  made.calls_once = false;
  EachOp(made.file, [](tflite::BuiltinOperator op) {
    made.variables += op == tflite::BuiltinOperator_VAR_HANDLE;
    made.calls_once = made.calls_once || op == tflite::BuiltinOperator_CALL_ONCE;
    return true;
  });
  if (made.variables != 0) first_arena_bytes += kFirstRecordBytes + made.variables * kVariableBytes;
  size_t given = first_arena_bytes > kMaxArenaBytes ? kMaxArenaBytes : 0;
  for (size_t bytes = first_arena_bytes; bytes <= kMaxArenaBytes; bytes += kStepBytes) {
    arena = malloc(bytes + 15);
    if (arena == nullptr) break;
    given = bytes;
    const uintptr_t aligned = (reinterpret_cast<uintptr_t>(arena) + 15) & ~uintptr_t{15};
    made.arena = reinterpret_cast<uint8_t*>(aligned);
    made.bytes = bytes;
    if (Make() == kTfLiteOk) return {};
    GiveBack();
  }
  return {ErrorCode::kArenaTooSmall, static_cast<uint32_t>(given)};
}

// TFLM's own Reset gives every variable its zero point. What a CALL_ONCE assigns it does not assign
// again: that takes another interpreter, in the same place.
Status TflmClassifier::Reset() {
  if (interpreter == nullptr) return {ErrorCode::kNoModel, 0};
  if (made.calls_once) interpreter->~MicroInterpreter();
  const TfLiteStatus status = made.calls_once ? Make() : interpreter->Reset();
  if (status != kTfLiteOk) return {ErrorCode::kInvokeFailed, static_cast<uint32_t>(status)};
  return {};
}

Status TflmClassifier::Run(const int8_t* input, int8_t* output) {
  if (interpreter == nullptr) return {ErrorCode::kNoModel, 0};
  for (size_t i = 0; i < model_->inputs.count; ++i) {
    TfLiteTensor* const tensor = interpreter->input(i);
    memcpy(tensor->data.raw, input + model_->inputs.offset(i), tensor->bytes);
  }
  const TfLiteStatus status = interpreter->Invoke();
  if (status != kTfLiteOk) return {ErrorCode::kInvokeFailed, static_cast<uint32_t>(status)};
  for (size_t i = 0; i < model_->outputs.count; ++i) {
    const TfLiteTensor* const tensor = interpreter->output(i);
    memcpy(output + model_->outputs.offset(i), tensor->data.raw, tensor->bytes);
  }
  return {};
}

wire::Backend TflmClassifier::backend() const {
#ifdef EDGEKIT_ESP_NN  // ESP_NN itself is private to esp-tflite-micro
  return wire::Backend::kTflmEspNn;
#else
  return wire::Backend::kTflm;
#endif
}

}  // namespace edgekit
