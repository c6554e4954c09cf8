// What the application needs of a board. Each board's main brings its own; the application knows
// nothing else.
#ifndef EDGEKIT_APP_PORTS_H_
#define EDGEKIT_APP_PORTS_H_

#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"
// `edgekit firmware --profile` writes it beside the model: EDGEKIT_PROFILE is 1 then.
#if !defined(EDGEKIT_PROFILE) && __has_include("model/profile.h")
#include "model/profile.h"
#endif

namespace edgekit {

// A serial line, or what stands for one.
class ByteStream {
 public:
  // Waits up to `wait_us` for the first byte, then takes what is there; returns the count, 0 where
  // none came.
  virtual size_t Read(uint8_t* out, size_t capacity, uint32_t wait_us) = 0;
  // Returns when all bytes are handed over.
  virtual void Write(const uint8_t* data, size_t bytes) = 0;
  // Sends what is pending at the old rate, then changes it; false where the rate is not to be had.
  virtual bool SetBaud(uint32_t baud) = 0;
  virtual uint32_t baud() const = 0;

 protected:
  ~ByteStream() = default;
};

class Clock {
 public:
  // Microseconds since some moment, never backwards. (The emulated board counts 1,000 instructions
  // as one.)
  virtual uint64_t NowUs() = 0;
#if EDGEKIT_PROFILE
  // A finer count that wraps around, and its rate. (25 instructions a tick on the emulated board.)
  virtual uint32_t Ticks() = 0;
  virtual uint32_t tick_hz() const = 0;
  // Returns at the beginning of a tick where a tick is longer than an instruction, so that equal
  // runs count equal ticks.
  virtual void AlignTicks() {}
#endif

 protected:
  ~Clock() = default;
};

#if EDGEKIT_PROFILE
// What each step of the latest run took; no steps where the classifier does not know.
struct StepTicks {
  const uint32_t* ticks = nullptr;
  uint16_t steps = 0;
};
#endif

// An outcome and the number that belongs to it (see wire::ErrorCode).
struct Status {
  wire::ErrorCode code = wire::ErrorCode::kOk;
  uint32_t detail = 0;
  bool ok() const { return code == wire::ErrorCode::kOk; }
};

// Bytes of one element; 0 of a type that no tensor has.
constexpr size_t ElementBytes(uint8_t type) {
  switch (static_cast<wire::ElementType>(type)) {
    case wire::ElementType::kInt8:
      return 1;
    case wire::ElementType::kInt16:
      return 2;
    case wire::ElementType::kInt32:
      return 4;
  }
  return 0;
}

// How many elements a tensor has.
constexpr size_t Elements(const wire::Tensor& tensor) {
  size_t count = tensor.rank == 0 ? 0 : 1;
  for (size_t i = 0; i < tensor.rank; ++i) count *= tensor.dimensions[i];
  return count;
}

// All inputs of a model, or all its outputs, in one buffer: each tensor begins at a multiple of
// wire::kBufferAlign bytes.
struct Tensors {
  const wire::Tensor* list;
  uint8_t count;
  constexpr size_t elements() const {
    size_t sum = 0;
    for (size_t i = 0; i < count; ++i) sum += Elements(list[i]);
    return sum;
  }
  // Where a tensor begins; of `count`, where one more would.
  constexpr size_t offset(size_t number) const {
    size_t at = 0;
    for (size_t i = 0; i < number; ++i) {
      at += Elements(list[i]) * ElementBytes(list[i].type);
      at = (at + wire::kBufferAlign - 1) / wire::kBufferAlign * wire::kBufferAlign;
    }
    return at;
  }
  constexpr size_t bytes() const {
    if (count == 0) return 0;
    const wire::Tensor& last = list[count - 1];
    return offset(count - 1) + Elements(last) * ElementBytes(last.type);
  }
  // The same with what keeps a buffer behind it aligned.
  constexpr size_t room() const { return offset(count); }
};

// A model's shapes and numbers, generated beside its data.
struct Model {
  const uint8_t* sha256;  // 32 bytes: of the .tflite that it came from
  Tensors inputs, outputs;
  // The names of the outputs, a zero behind each; 0 bytes where nobody has named them.
  const char* labels;
  uint32_t label_bytes;
  wire::Decision decision;
  uint8_t positive;  // the output that is looked for, where a threshold decides
  int16_t margin_q;  // and the least by which it must be above the other one then
  // IEEE-754 singles: this firmware computes in integers. What black and white enter as; both 0:
  // not known.
  uint32_t input_low_bits, input_high_bits;
  uint32_t model_bytes;
};

// The board's model partition as it lies in the address space; no data where the board has none.
struct Partition {
  const uint8_t* data = nullptr;  // aligned to 16 bytes
  size_t bytes = 0;
};

// A model out of that partition. What `model` points to lies there and in `tensors`.
struct Stored {
  Model model = {};
  wire::Tensor tensors[wire::kMaxTensors] = {};
  const uint8_t* data = nullptr;  // the .tflite, aligned to 16 bytes
  uint32_t arena_bytes = 0;       // where TFLM begins to try
};

// Room for two inputs, one that runs or waits for lost chunks and one that is on its way, and for
// the outputs of each and of the latest run as text; all of it aligned to wire::kBufferAlign.
struct Memory {
  int8_t* images[2];
  size_t image_bytes;
  int8_t* outputs[3];
  size_t output_bytes;
};

// Runs a model: the built-in one after Load, another after LoadStored. One of them has to have
// succeeded; where LoadStored fails, Load may follow. `model` is the built-in one until then.
class Classifier {
 public:
  virtual Status Load() = 0;
  virtual Status LoadStored(const Stored& stored) = 0;
  // What the model keeps from run to run becomes what it begins with. Called before every run, so
  // that an answer depends on its input alone, in whatever order and however often inputs come.
  virtual Status Reset() = 0;
  virtual Status Run(const int8_t* input, int8_t* output) = 0;
  virtual const Model& model() const = 0;
  virtual uint32_t arena_bytes() const = 0;
  virtual wire::Backend backend() const = 0;
#if EDGEKIT_PROFILE
  virtual void ProfileWith(Clock&) {}
  virtual StepTicks step_ticks() const { return {}; }
#endif

 protected:
  ~Classifier() = default;
};

// What a board says of itself; 0 where it cannot know.
struct BoardInfo {
  wire::BoardKind kind;
  const char* chip;
  const char* build_id;
  uint32_t ram_bytes, flash_bytes, clock_hz;
  uint32_t window_bytes;  // what the stream keeps while the model runs
  uint32_t max_baud;
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_PORTS_H_
