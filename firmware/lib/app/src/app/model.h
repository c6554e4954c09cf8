// The model of this firmware as the application knows it, from the constants that edgekit wrote
// beside its data. For a board's main and the classifiers: the application itself takes any Model.
#ifndef EDGEKIT_APP_MODEL_H_
#define EDGEKIT_APP_MODEL_H_

#include "app/ports.h"
#include "model/model_data.h"

namespace edgekit {

#define EDGEKIT_TENSOR(type, rank, zero_point, scale_bits, ...) \
  {type, rank, zero_point, scale_bits, {__VA_ARGS__}},
inline constexpr wire::Tensor kInputTensors[] = {EDGEKIT_MODEL_INPUTS(EDGEKIT_TENSOR)};
inline constexpr wire::Tensor kOutputTensors[] = {EDGEKIT_MODEL_OUTPUTS(EDGEKIT_TENSOR)};
#undef EDGEKIT_TENSOR
static_assert(generated::kInputCount + generated::kOutputCount <= wire::kMaxTensors);
static_assert(generated::kLabelBytes <= wire::kMaxLabelBytes);

inline constexpr Model kModel = {
    generated::kModelSha256,
    {kInputTensors, generated::kInputCount},
    {kOutputTensors, generated::kOutputCount},
    generated::kLabelText,
    static_cast<uint32_t>(generated::kLabelBytes),
    static_cast<wire::Decision>(generated::kDecision),
    static_cast<uint8_t>(generated::kPositive < 0 ? 0 : generated::kPositive),
    generated::kMarginQ,
    generated::kInputLowBits,
    generated::kInputHighBits,
    static_cast<uint32_t>(generated::kModelBytes),
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_MODEL_H_
