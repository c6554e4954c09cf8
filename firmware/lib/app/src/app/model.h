// The model of this firmware as the application knows it, from the constants that edgekit wrote
// beside its data. For a board's main and the classifiers: the application itself takes any Model.
#ifndef EDGEKIT_APP_MODEL_H_
#define EDGEKIT_APP_MODEL_H_

#include "app/ports.h"
#include "model/model_data.h"

namespace edgekit {

static_assert(generated::kInputRank <= wire::kMaxRank);
static_assert(generated::kLabelBytes <= wire::kMaxLabelBytes);

inline constexpr Model kModel = {
    generated::kModelSha256,
    generated::kInputRank,
    generated::kInputShape,
    generated::kOutputs,
    generated::kLabelText,
    static_cast<uint32_t>(generated::kLabelBytes),
    static_cast<wire::Decision>(generated::kDecision),
    static_cast<uint8_t>(generated::kPositive < 0 ? 0 : generated::kPositive),
    generated::kMarginQ,
    generated::kInputScaleBits,
    generated::kOutputScaleBits,
    generated::kInputLowBits,
    generated::kInputHighBits,
    generated::kOutputScaleBillionths,
    generated::kInputZeroPoint,
    generated::kOutputZeroPoint,
    static_cast<uint32_t>(generated::kModelBytes),
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_MODEL_H_
