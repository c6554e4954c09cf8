// The text protocol of MLPerf Tiny's runner (mlcommons/tiny, benchmark/api), so that it can drive
// the board as it is. Text and frames share the line: a frame's second byte is its version, which
// no printable character is.
#ifndef EDGEKIT_APP_MLPERF_TINY_H_
#define EDGEKIT_APP_MLPERF_TINY_H_

#include <stddef.h>
#include <stdint.h>

#include "app/ports.h"

namespace edgekit {

// Where an image is loaded and where its results go.
struct TextMemory {
  int8_t* input;
  size_t input_bytes;
  int8_t* outputs;
};

class MlperfTiny {
 public:
  MlperfTiny(ByteStream& stream, Clock& clock, Classifier& classifier, const TextMemory& memory);
  // Sends the start-up message. `loaded`: whether the model may run.
  void Start(bool loaded);
  // Takes one byte; true when it completed a command.
  bool Push(uint8_t byte);
  // The input now belongs to another: what was loaded is gone, the results of the last run stay.
  void ForgetImage();

 private:
  void Command();
  void Load(const char* word);
  void Hex(const char* digits);
  void Infer(uint32_t runs, uint32_t warm_ups);
  Status Once();
  void Results();
  void PrintReal(int64_t steps, uint32_t scale_bits);
  void Print(const char* text);
  void Print(uint32_t number);
  void PrintHex(const uint8_t* bytes, size_t count);
  void Lap();

  static constexpr size_t kCommandBytes = 80;  // the length that the runner keeps to

  ByteStream& stream_;
  Clock& clock_;
  Classifier& classifier_;
  const TextMemory memory_;
  bool loaded_ = false;
  bool text_ = true;      // no unprintable byte since the last delimiter
  bool greeted_ = false;  // `name` came: before it, printable noise is left unanswered
  char command_[kCommandBytes + 1] = {};
  size_t command_bytes_ = 0;
  bool ran_ = false;  // the outputs are a run's
  uint32_t expected_bytes_ = 0, loaded_bytes_ = 0;
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_MLPERF_TINY_H_
