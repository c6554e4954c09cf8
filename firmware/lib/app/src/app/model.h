// The model of this firmware as the application knows it, from the constants that edgekit wrote
// beside its data. For a board's main and the classifiers: the application itself takes any Model.
#ifndef EDGEKIT_APP_MODEL_H_
#define EDGEKIT_APP_MODEL_H_

#include "app/ports.h"
#include "model/model_data.h"

namespace edgekit {

inline constexpr Model kModel = {
    generated::kModelSha256,     generated::kInputHeight,
    generated::kInputWidth,      generated::kInputChannels,
    generated::kOutputs,         generated::kInputScaleBits,
    generated::kOutputScaleBits, generated::kOutputScaleBillionths,
    generated::kInputZeroPoint,  generated::kOutputZeroPoint,
    generated::kMarginQ,         static_cast<uint32_t>(generated::kModelBytes),
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_MODEL_H_
