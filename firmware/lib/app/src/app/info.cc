#include "app/info.h"

#include <string.h>

namespace edgekit {
namespace {

void CopyText(char* field, size_t capacity, const char* text) {
  for (size_t i = 0; i < capacity && text[i] != '\0'; ++i) field[i] = text[i];
}

}  // namespace

wire::Info InfoOf(const BoardInfo& board, const Classifier& classifier, const Loaded& loaded,
                  uint32_t baud, uint32_t nonce) {
  const Model& model = classifier.model();
  wire::Info info;
  info.nonce = nonce;
  info.board = static_cast<uint8_t>(board.kind);
  info.backend = static_cast<uint8_t>(classifier.backend());
  info.source = static_cast<uint8_t>(loaded.source);
  info.model_error = static_cast<uint16_t>(loaded.status.code);
  info.stored_error = static_cast<uint16_t>(loaded.stored.code);
  info.error_detail = loaded.status.ok() ? loaded.stored.detail : loaded.status.detail;
  if (model.sha256 != nullptr) memcpy(info.model_sha256, model.sha256, sizeof(info.model_sha256));
  info.inputs = model.inputs.count;
  info.outputs = model.outputs.count;
  info.label_bytes = model.label_bytes;
  info.decision = static_cast<uint8_t>(model.decision);
  info.positive = model.positive;
  info.input_low_bits = model.input_low_bits;
  info.input_high_bits = model.input_high_bits;
  info.margin_q = model.margin_q;
  info.arena_bytes = classifier.arena_bytes();
  info.ram_bytes = board.ram_bytes;
  info.flash_bytes = board.flash_bytes;
  info.model_bytes = model.model_bytes;
  info.clock_hz = board.clock_hz;
  info.window_bytes = board.window_bytes;
  info.baud = baud;
  info.max_baud = board.max_baud;
  CopyText(info.chip, sizeof(info.chip), board.chip);
  CopyText(info.build_id, sizeof(info.build_id), board.build_id);
  return info;
}

size_t PackTensors(const Model& model, uint8_t* tail) {
  const Tensors both[] = {model.inputs, model.outputs};
  size_t bytes = 0;
  for (const Tensors& tensors : both) {
    for (size_t i = 0; i < tensors.count; ++i, bytes += wire::Tensor::kBytes)
      tensors.list[i].Pack(tail + bytes);
  }
  return bytes;
}

}  // namespace edgekit
