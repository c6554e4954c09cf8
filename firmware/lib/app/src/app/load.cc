#include "app/load.h"

#include <string.h>

#include "app/sha256.h"
#include "wire/frame.h"

namespace edgekit {
namespace {

using wire::ErrorCode;
constexpr size_t kHeaderBytes = wire::StoredModel::kBytes;
constexpr size_t kCheckBytes = 4;  // the last of a header

bool All(const uint8_t* data, size_t bytes, uint8_t value) {
  for (size_t i = 0; i < bytes; ++i) {
    if (data[i] != value) return false;
  }
  return true;
}

// The numbers of a header whose checksum is right.
bool MakesSense(const wire::StoredModel& header) {
  if (header.rank == 0 || header.rank > wire::kMaxRank) return false;
  uint32_t bytes = 1;
  for (size_t i = 0; i < header.rank; ++i) {
    if (header.dimensions[i] == 0 || header.dimensions[i] > UINT16_MAX || bytes > UINT16_MAX)
      return false;
    bytes *= header.dimensions[i];
  }
  return header.outputs != 0 && header.positive < header.outputs &&
         header.decision <= static_cast<uint8_t>(wire::Decision::kThreshold);
}

Model Described(const wire::StoredModel& header, const uint8_t* place, const uint32_t* shape) {
  return {place + offsetof(wire::StoredModel, model_sha256),
          header.rank,
          shape,
          header.outputs,
          reinterpret_cast<const char*>(place + kHeaderBytes),
          header.label_bytes,
          static_cast<wire::Decision>(header.decision),
          header.positive,
          header.margin_q,
          header.input_scale_bits,
          header.output_scale_bits,
          header.input_low_bits,
          header.input_high_bits,
          header.output_scale_e9,
          header.input_zero_point,
          header.output_zero_point,
          header.model_bytes};
}

// The model against what the application can hold.
Status Fits(const Model& model, const Memory& memory) {
  const size_t most = wire::kMaxChunks * wire::kChunkBytes;
  const size_t held = memory.image_bytes < most ? memory.image_bytes : most;
  if (model.input_bytes() == 0 || model.outputs == 0) return {ErrorCode::kNoModel, 0};
  if (model.input_bytes() > held) return {ErrorCode::kInputTooLarge, static_cast<uint32_t>(held)};
  if (model.outputs > memory.output_bytes)
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
  if (header.label_bytes > wire::kMaxLabelBytes) return too_long;
  const size_t described = kHeaderBytes + header.label_bytes;
  const size_t offset = (described + wire::kModelAlign - 1) / wire::kModelAlign * wire::kModelAlign;
  if (offset > partition.bytes || header.model_bytes > partition.bytes - offset) return too_long;
  const uint32_t check = wire::Crc32(place, kHeaderBytes - kCheckBytes);
  if (wire::Crc32(place + kHeaderBytes, header.label_bytes, check) != header.check)
    return {ErrorCode::kBadHash, 0};
  uint8_t digest[32];
  Sha256(place + offset, header.model_bytes, digest);
  if (memcmp(digest, header.model_sha256, sizeof(digest)) != 0) return {ErrorCode::kBadHash, 0};
  if (!MakesSense(header)) return {ErrorCode::kNoModel, 0};
  if (memcmp(header.built_in_sha256, built_in_sha256, sizeof(header.built_in_sha256)) != 0)
    return {ErrorCode::kOtherFirmware, 0};
  memcpy(stored->shape, header.dimensions, sizeof(stored->shape));
  stored->model = Described(header, place, stored->shape);
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
