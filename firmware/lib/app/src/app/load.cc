#include "app/load.h"

#include <string.h>

#include "app/sha256.h"
#include "wire/frame.h"

namespace edgekit {
namespace {

using wire::ErrorCode;
constexpr size_t kHeaderBytes = wire::StoredModel::kBytes;
constexpr size_t kCheckBytes = 4;            // the last of a header
constexpr uint32_t kMaxElements = 1u << 24;  // of a tensor, far above what a board holds

// Of the tensors behind a header.
size_t TensorBytes(const wire::StoredModel& header) {
  return (size_t{header.inputs} + header.outputs) * wire::Tensor::kBytes;
}

bool All(const uint8_t* data, size_t bytes, uint8_t value) {
  for (size_t i = 0; i < bytes; ++i) {
    if (data[i] != value) return false;
  }
  return true;
}

bool MakesSense(const wire::Tensor& tensor) {
  if (tensor.rank == 0 || tensor.rank > wire::kMaxRank || ElementBytes(tensor.type) == 0)
    return false;
  uint32_t elements = 1;
  for (size_t i = 0; i < tensor.rank; ++i) {
    if (tensor.dimensions[i] == 0 || tensor.dimensions[i] > kMaxElements / elements) return false;
    elements *= tensor.dimensions[i];
  }
  return true;
}

// The numbers of a header whose checksum is right.
bool MakesSense(const wire::StoredModel& header, const Stored& stored) {
  if (header.inputs == 0 || header.outputs == 0) return false;
  for (size_t i = 0; i < size_t{header.inputs} + header.outputs; ++i) {
    if (!MakesSense(stored.tensors[i])) return false;
  }
  return header.positive < stored.model.outputs.elements() &&
         header.decision <= static_cast<uint8_t>(wire::Decision::kThreshold);
}

Model Described(const wire::StoredModel& header, const uint8_t* place,
                const wire::Tensor* tensors) {
  const size_t described = kHeaderBytes + TensorBytes(header);
  return {place + offsetof(wire::StoredModel, model_sha256),
          {tensors, header.inputs},
          {tensors + header.inputs, header.outputs},
          reinterpret_cast<const char*>(place + described),
          header.label_bytes,
          static_cast<wire::Decision>(header.decision),
          header.positive,
          header.margin_q,
          header.input_low_bits,
          header.input_high_bits,
          header.model_bytes};
}

// The model against what the application can hold.
Status Fits(const Model& model, const Memory& memory) {
  const size_t most = wire::kMaxChunks * wire::kChunkBytes;
  const size_t held = memory.image_bytes < most ? memory.image_bytes : most;
  if (model.inputs.bytes() == 0 || model.outputs.bytes() == 0) return {ErrorCode::kNoModel, 0};
  if (model.inputs.bytes() > held) return {ErrorCode::kInputTooLarge, static_cast<uint32_t>(held)};
  if (model.outputs.bytes() > memory.output_bytes)
    return {ErrorCode::kOutputTooLarge, static_cast<uint32_t>(memory.output_bytes)};
  return {};
}

}  // namespace

Status ReadStored(const Partition& partition, const uint8_t* built_in_sha256, Stored* stored) {
  *stored = {};
  const uint8_t* const place = partition.data;
  if (place == nullptr || All(place, partition.bytes < 8 ? partition.bytes : 8, 0xFF)) return {};
  const Status too_long = {ErrorCode::kBadLength, static_cast<uint32_t>(partition.bytes)};
  if (partition.bytes < kHeaderBytes) return too_long;
  const wire::StoredModel header = wire::StoredModel::Unpack(place);
  if (memcmp(header.magic, wire::kStoredMagic, sizeof(header.magic)) != 0)
    return {ErrorCode::kNoModel, 0};
  if (header.format != wire::kStoredFormat) return {ErrorCode::kBadVersion, header.format};
  const size_t tensors = size_t{header.inputs} + header.outputs;
  if (header.label_bytes > wire::kMaxLabelBytes || tensors > wire::kMaxTensors) return too_long;
  const size_t described = kHeaderBytes + TensorBytes(header) + header.label_bytes;
  const size_t offset = (described + wire::kModelAlign - 1) / wire::kModelAlign * wire::kModelAlign;
  if (offset > partition.bytes || header.model_bytes > partition.bytes - offset) return too_long;
  const uint32_t check = wire::Crc32(place, kHeaderBytes - kCheckBytes);
  if (wire::Crc32(place + kHeaderBytes, described - kHeaderBytes, check) != header.check)
    return {ErrorCode::kBadHash, 0};
  uint8_t digest[32];
  Sha256(place + offset, header.model_bytes, digest);
  if (memcmp(digest, header.model_sha256, sizeof(digest)) != 0) return {ErrorCode::kBadHash, 0};
  if (memcmp(header.built_in_sha256, built_in_sha256, sizeof(header.built_in_sha256)) != 0)
    return {ErrorCode::kOtherFirmware, 0};
  for (size_t i = 0; i < tensors; ++i)
    stored->tensors[i] = wire::Tensor::Unpack(place + kHeaderBytes + i * wire::Tensor::kBytes);
  stored->model = Described(header, place, stored->tensors);
  if (!MakesSense(header, *stored)) return {ErrorCode::kNoModel, 0};
  stored->data = place + offset;
  stored->arena_bytes = header.arena_bytes;
  return {};
}

Loaded LoadModel(Classifier& classifier, const Partition& partition, const Memory& memory) {
  static Stored stored;  // the classifier keeps to it
  Loaded loaded;
  loaded.stored = ReadStored(partition, classifier.model().sha256, &stored);
  if (loaded.stored.ok() && stored.data != nullptr) {
    loaded.stored = Fits(stored.model, memory);
    if (loaded.stored.ok()) loaded.stored = classifier.LoadStored(stored);
    if (loaded.stored.ok()) {
      loaded.source = wire::ModelSource::kStored;
      return loaded;
    }
  }
  loaded.status = classifier.Load();
  if (loaded.status.ok()) loaded.status = Fits(classifier.model(), memory);
  return loaded;
}

}  // namespace edgekit
