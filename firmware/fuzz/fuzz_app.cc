// Every byte that a line can bring, into the decoder and the whole application, and every byte that
// a model partition can hold, under ASan and UBSan. With libFuzzer: clang++
// -fsanitize=fuzzer,address,undefined. Without it (EDGEKIT_FUZZ_LOOP): `fuzz BYTES [SEED]` feeds
// random and mutated bytes until BYTES have gone through, half of them in frames whose CRC is
// right, so that the commands are reached and not only the decoder.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/sha256.h"
#include "wire/frame.h"

namespace {

using edgekit::Model;
namespace wire = edgekit::wire;

constexpr uint8_t kSha[32] = {1, 2, 3};
constexpr wire::Tensor kInputs[] = {{9, 3, -128, 0x3b808081, {20, 23, 1}},
                                    {7, 1, 0, 0x3b808081, {20}}};
constexpr size_t kOutputs = 300;    // two frames of them
constexpr char kLabels[300] = "a";  // likewise
constexpr wire::Tensor kOutputList[] = {{9, 1, 3, 0x3e000000, {kOutputs}}};
constexpr Model kModel = {kSha,
                          {kInputs, 2},
                          {kOutputList, 1},
                          kLabels,
                          sizeof(kLabels),
                          wire::Decision::kArgmax,
                          0,
                          1,
                          0,
                          0x3f800000,
                          1000};
constexpr size_t kInputBytes = kModel.inputs.bytes();

// Feeds one input; the answers go nowhere, but their bytes are read so that the sanitizers see
// them.
class Tape final : public edgekit::ByteStream {
 public:
  void Put(const uint8_t* data, size_t bytes) {
    data_ = data;
    left_ = bytes;
  }
  bool empty() const { return left_ == 0; }
  size_t Read(uint8_t* out, size_t capacity, uint32_t) override {
    const size_t count = left_ < capacity ? left_ : capacity;
    if (count != 0) memcpy(out, data_, count);
    data_ += count;
    left_ -= count;
    return count;
  }
  void Write(const uint8_t* data, size_t bytes) override {
    for (size_t i = 0; i < bytes; ++i) sum_ = sum_ * 31 + data[i];
    if (bytes > wire::kMaxLineBytes) abort();
  }
  bool SetBaud(uint32_t baud) override {
    baud_ = baud;
    return baud % 3 != 0;
  }
  uint32_t baud() const override { return baud_; }

 private:
  const uint8_t* data_ = nullptr;
  size_t left_ = 0;
  uint32_t baud_ = 115200;
  uint32_t sum_ = 0;
};

class Ticker final : public edgekit::Clock {
 public:
  // Now and then two seconds pass at once: silences come to their end.
  uint64_t NowUs() override { return now_ += ++calls_ % 64 == 0 ? 2000000 : 1000; }
#if EDGEKIT_PROFILE
  uint32_t Ticks() override { return static_cast<uint32_t>(now_); }
  uint32_t tick_hz() const override { return 1000000; }
#endif

 private:
  uint64_t now_ = 0, calls_ = 0;
};

class Summer final : public edgekit::Classifier {
 public:
  explicit Summer(bool loads) : loads_(loads) {}
  edgekit::Status Load() override {
    model_ = &kModel;
    return {loads_ ? wire::ErrorCode::kOk : wire::ErrorCode::kArenaTooSmall, 1234};
  }
  edgekit::Status LoadStored(const edgekit::Stored& stored) override {
    model_ = &stored.model;
    uint32_t sum = stored.data[0];
    for (size_t i = 0; i < model_->model_bytes; ++i) sum = sum * 31 + stored.data[i];
    return {sum % 8 == 0 ? wire::ErrorCode::kUnsupportedOp : wire::ErrorCode::kOk, sum};
  }
  edgekit::Status Reset() override {
    return {++resets_ % 5 == 0 ? wire::ErrorCode::kInvokeFailed : wire::ErrorCode::kOk, 0};
  }
  edgekit::Status Run(const int8_t* input, int8_t* output) override {
    uint32_t sum = 0;
    for (size_t i = 0; i < model_->inputs.bytes(); ++i)
      sum = sum * 31 + static_cast<uint8_t>(input[i]);
    for (size_t i = 0; i < model_->outputs.bytes(); ++i)
      output[i] = static_cast<int8_t>(sum >> i % 24);
    return {++runs_ % 3 == 0 ? wire::ErrorCode::kInvokeFailed : wire::ErrorCode::kOk, sum};
  }
  const Model& model() const override { return *model_; }
  uint32_t arena_bytes() const override { return 64; }
  wire::Backend backend() const override { return wire::Backend::kAot; }
#if EDGEKIT_PROFILE
  edgekit::StepTicks step_ticks() const override { return {ticks_, 70}; }  // more than a frame's
#endif

 private:
  uint32_t ticks_[70] = {};
  const Model* model_ = &kModel;
  const bool loads_;
  uint32_t runs_ = 0, resets_ = 0;
};

// A frame with any version and a CRC that is right.
size_t Encode(uint8_t version, uint8_t type, uint16_t seq, const uint8_t* payload, size_t bytes,
              uint8_t* line) {
  uint8_t body[wire::kMaxBodyBytes] = {version, type};
  wire::Put16(body + 2, seq);
  memcpy(body + 4, payload, bytes);
  wire::Put32(body + 4 + bytes, wire::Crc32(body, 4 + bytes));
  size_t code = 1, at = 2;
  line[0] = 0;
  for (size_t i = 0; i < bytes + 8; ++i) {
    if (body[i] == 0) {
      line[code] = static_cast<uint8_t>(at - code);
      code = at++;
    } else {
      line[at++] = body[i];
    }
  }
  line[code] = static_cast<uint8_t>(at - code);
  line[at++] = 0;
  return at;
}

// A model partition of its own allocation, exactly as long as the input that it is made of: as it
// is, or with a header whose checksums are right as far as its lengths allow.
edgekit::Partition MakePartition(const uint8_t* data, size_t bytes) {
  uint8_t* const place = new uint8_t[bytes];
  memcpy(place, data, bytes);
  if (bytes < wire::StoredModel::kBytes || bytes % 4 == 0) return {place, bytes};
  wire::StoredModel header = wire::StoredModel::Unpack(place);
  memcpy(header.magic, wire::kStoredMagic, sizeof(header.magic));
  header.format = wire::kStoredFormat;
  header.inputs %= 4;
  header.outputs %= 3;
  header.decision %= 4;
  if (bytes % 64 != 1) memcpy(header.built_in_sha256, kSha, sizeof(kSha));
  const size_t all = bytes - wire::StoredModel::kBytes;
  const size_t tensors = (size_t{header.inputs} + header.outputs) * wire::Tensor::kBytes;
  const size_t room = tensors <= all ? all - tensors : 0;
  for (size_t at = 0; at < tensors && tensors <= all; at += wire::Tensor::kBytes) {
    uint8_t* const raw = place + wire::StoredModel::kBytes + at;
    wire::Tensor tensor = wire::Tensor::Unpack(raw);
    tensor.rank %= 7;
    if (tensor.type % 5 != 4) tensor.type = tensor.type % 2 ? 9 : 7;
    for (uint32_t& dimension : tensor.dimensions) dimension %= bytes % 5 == 0 ? 100000 : 9;
    tensor.Pack(raw);
  }
  if (bytes % 16 != 2) header.label_bytes %= room + 1;
  const size_t described = tensors + header.label_bytes;
  const size_t offset = (wire::StoredModel::kBytes + described + 15) / 16 * 16;
  if (bytes % 16 != 3 && offset <= bytes) header.model_bytes %= bytes - offset + 1;
  if (offset <= bytes && header.model_bytes <= bytes - offset)
    edgekit::Sha256(place + offset, header.model_bytes, header.model_sha256);
  header.Pack(place);
  if (described <= all) {
    const uint32_t check = wire::Crc32(place, wire::StoredModel::kBytes - 4);
    header.check = wire::Crc32(place + wire::StoredModel::kBytes, described, check);
    header.Pack(place);
  }
  return {place, bytes};
}

// Everything on one board that has just started.
void Feed(const uint8_t* data, size_t bytes) {
  Tape tape;
  Ticker clock;
  Summer classifier(bytes % 16 != 0);
  // Their own allocations, exactly as long as an image: a byte too far is seen.
  int8_t* const images[2] = {new int8_t[kInputBytes](), new int8_t[kInputBytes]()};
  int8_t* const outputs[3] = {new int8_t[kOutputs](), new int8_t[kOutputs](),
                              new int8_t[kOutputs]()};
  const edgekit::Memory memory = {
      {images[0], images[1]}, kInputBytes, {outputs[0], outputs[1], outputs[2]}, kOutputs};
  edgekit::App app(
      tape, clock, classifier,
      {wire::BoardKind::kNative, "a name that is longer than its field", "", 0, 0, 0, 0, 2000000},
      memory);
  const edgekit::Partition partition = MakePartition(data, bytes);
  app.Start(edgekit::LoadModel(classifier, partition, memory));
  tape.Put(data, bytes);
  while (!tape.empty()) app.Poll();
  app.Poll();
  for (int8_t* image : images) delete[] image;
  for (int8_t* each : outputs) delete[] each;
  delete[] partition.data;
}

}  // namespace

#ifndef EDGEKIT_FUZZ_LOOP
// The input as it is, and as the bodies of frames: no mutation finds a CRC by itself. A record is
// a length, a type, the low byte of seq (its highest bit says: version 9), the payload.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Feed(data, bytes);
  static uint8_t line[3 * 4096 + 8 * wire::kMaxLineBytes];
  size_t at = 0, used = 0;
  while (used + 3 <= bytes && at + wire::kMaxLineBytes <= sizeof(line)) {
    size_t length = data[used] % (wire::kMaxPayloadBytes + 1);
    if (length > bytes - used - 3) length = bytes - used - 3;
    const uint8_t seq = data[used + 2];
    at += Encode(seq & 0x80 ? 9 : wire::kVersion, data[used + 1], seq & 0x7F, data + used + 3,
                 length, line + at);
    used += 3 + length;
  }
  Feed(line, at);
  return 0;
}
#else
namespace {

uint64_t state;

uint32_t Random() {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return static_cast<uint32_t>((state * 2685821657736338717ull) >> 32);
}

size_t RandomFrame(uint8_t* line) {
  constexpr uint8_t kTypes[] = {wire::Data::kType,  wire::Data::kType,  wire::Data::kType,
                                wire::Data::kType,  wire::Infer::kType, wire::Infer::kType,
                                wire::Hello::kType, wire::Ping::kType,  wire::SetBaud::kType};
  uint8_t payload[wire::kMaxPayloadBytes];
  for (uint8_t& byte : payload) byte = static_cast<uint8_t>(Random());
  uint8_t type = kTypes[Random() % sizeof(kTypes)];
  if (Random() % 64 == 0) type = wire::RawEcho::kType;
  if (Random() % 64 == 0) type = wire::Profile::kType;
  if (Random() % 64 == 0) type = wire::AskLabels::kType;
  if (Random() % 64 == 0) type = static_cast<uint8_t>(Random());
  size_t bytes = Random() % (sizeof(payload) + 1);
  const bool proper = Random() % 16 != 0;
  if (proper && type == wire::Data::kType) {
    const uint32_t offset = Random() % 3 * wire::kChunkBytes;
    const size_t left = kInputBytes - offset;
    wire::Put32(payload, Random() % 32 ? offset : Random());
    bytes = 4 + (left < wire::kChunkBytes ? left : wire::kChunkBytes);
    if (Random() % 16) memset(payload + 4, 5, bytes - 4);
    if (Random() % 16 == 0) bytes = Random() % (sizeof(payload) + 1);
  } else if (proper && type == wire::Infer::kType) {
    uint8_t fives[kInputBytes];
    memset(fives, 5, sizeof(fives));
    wire::Put32(payload, Random() % 16 ? kInputBytes : Random());
    if (Random() % 8) wire::Put32(payload + 4, wire::Crc32(fives, sizeof(fives)));
    bytes = 8;
  } else if (proper && type == wire::SetBaud::kType) {
    wire::Put32(payload, Random() % 3000000);
    bytes = 4;
  } else if (proper && type == wire::RawEcho::kType) {
    wire::Put32(payload, Random() % 16 ? Random() % 200 : Random());
    bytes = 4;
  } else if (proper && type == wire::Profile::kType) {
    wire::Put16(payload, static_cast<uint16_t>(Random() % 80));
    bytes = 2;
  } else if (proper && type == wire::AskLabels::kType) {
    wire::Put32(payload, Random() % 8 ? Random() % 320 : Random());
    bytes = 4;
  } else if (proper && type == wire::Hello::kType) {
    wire::Put32(payload, Random() % 2);
    bytes = 4;
  }
  const uint16_t seq = static_cast<uint16_t>(Random() % 16 ? Random() % 2 : Random());
  const uint8_t version = static_cast<uint8_t>(Random() % 32 ? wire::kVersion : Random());
  size_t count = Encode(version, type, seq, payload, bytes, line);
  if (Random() % 16 == 0) line[Random() % count] ^= static_cast<uint8_t>(1u << Random() % 8);
  if (Random() % 32 == 0) count = Random() % count;
  return count;
}

size_t Add(uint8_t* line, size_t at, const char* text) {
  memcpy(line + at, text, strlen(text));
  return at + strlen(text);
}

// A command, or a whole image in hexadecimal.
size_t RandomText(uint8_t* line) {
  static const char* const kCommands[] = {
      "name%",    "profile%", "db load 500%", "db load 4294967296%", "db load 7%",
      "db%",      "db ffzz%", "infer 2 1%",   "infer -1%",           "infer 1 x%",
      "results%", "help%",    "timestamp%",   "what is this%",       "infer 3%",
      "db load%", "db abc%",  "infer 1 0%",   "\r\n  name %",        "infer 99999999999999999999%"};
  size_t at = 0;
  line[at++] = 0;
  at = Add(line, at, "name%");
  if (Random() % 2)
    return Add(line, at, kCommands[Random() % (sizeof(kCommands) / sizeof(*kCommands))]);
  at = Add(line, at, "db load 500%");
  const uint32_t commands = Random() % 4 ? 17 : Random() % 20;
  for (uint32_t i = 0; i < commands; ++i) {
    at = Add(line, at, "db ");
    for (uint32_t n = Random() % 256 ? 62 : Random() % 100; n != 0; --n)
      line[at++] = static_cast<uint8_t>("0123456789abcdefABCDEF"[Random() % 22]);
    line[at++] = '%';
  }
  return Add(line, at, "infer 2 1%");
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t total = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1000000;
  state = 88172645463325252ull + (argc > 2 ? strtoull(argv[2], nullptr, 10) : 0) * 1000003;
  static uint8_t input[32768];
  uint64_t done = 0;
  while (done < total) {
    size_t bytes = 0;
    while (bytes + 4096 < sizeof(input) && Random() % 200) {
      switch (Random() % 16) {
        case 0:
          for (uint32_t i = Random() % 400; i != 0; --i)
            input[bytes++] = static_cast<uint8_t>(Random());
          break;
        case 1:
          bytes += RandomText(input + bytes);
          break;
        default:
          bytes += RandomFrame(input + bytes);
      }
    }
    Feed(input, bytes);
    done += bytes;
  }
  printf("%llu bytes\n", static_cast<unsigned long long>(done));
}
#endif
