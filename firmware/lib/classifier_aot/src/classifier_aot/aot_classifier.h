// The model as plain C that edgekit.compile generated: integers only, no heap, no interpreter.
#ifndef EDGEKIT_CLASSIFIER_AOT_AOT_CLASSIFIER_H_
#define EDGEKIT_CLASSIFIER_AOT_AOT_CLASSIFIER_H_

#include "app/model.h"
#include "app/ports.h"

namespace edgekit {

class AotClassifier final : public Classifier {
 public:
  Status Load() override;
  // Code runs no other model than its own: a stored one has to be that very one, and what it says
  // of itself (labels, threshold, range) holds then.
  Status LoadStored(const Stored& stored) override;
  Status Reset() override;
  Status Run(const int8_t* input, int8_t* output) override;
  const Model& model() const override { return *model_; }
  uint32_t arena_bytes() const override;
  wire::Backend backend() const override { return wire::Backend::kAot; }
#if EDGEKIT_PROFILE
  void ProfileWith(Clock& clock) override;
  StepTicks step_ticks() const override;
#endif

 private:
  const Model* model_ = &kModel;
};

}  // namespace edgekit

#endif  // EDGEKIT_CLASSIFIER_AOT_AOT_CLASSIFIER_H_
