// The model run by TensorFlow Lite Micro (esp-tflite-micro, with ESP-NN's kernels on the ESP32).
#ifndef EDGEKIT_CLASSIFIER_TFLM_TFLM_CLASSIFIER_H_
#define EDGEKIT_CLASSIFIER_TFLM_TFLM_CLASSIFIER_H_

#include "app/model.h"
#include "app/ports.h"

namespace edgekit {

class TflmClassifier final : public Classifier {
 public:
  // Takes the arena from the heap: static data is capped at 160 KB on the ESP32, and what counts is
  // the largest free block. Begins with the measured size and grows it while the board can give
  // more.
  Status Load() override;
  // Any model whose operators are among the built-in one's.
  Status LoadStored(const Stored& stored) override;
  Status Reset() override;
  Status Run(const int8_t* input, int8_t* output) override;
  const Model& model() const override { return *model_; }
  uint32_t arena_bytes() const override { return arena_bytes_; }
  wire::Backend backend() const override;

 private:
  Status Prepare(const Model& model, const uint8_t* tflite, size_t first_arena_bytes);
  Status Allocate(const void* tflite, size_t first_arena_bytes);

  const Model* model_ = &kModel;
  uint32_t arena_bytes_ = 0;  // in use, by the interpreter's own count
};

}  // namespace edgekit

#endif  // EDGEKIT_CLASSIFIER_TFLM_TFLM_CLASSIFIER_H_
