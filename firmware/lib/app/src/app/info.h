// What a board says of itself and of the model that it runs: the answer to HELLO.
#ifndef EDGEKIT_APP_INFO_H_
#define EDGEKIT_APP_INFO_H_

#include "app/load.h"
#include "app/ports.h"

namespace edgekit {

wire::Info InfoOf(const BoardInfo& board, const Classifier& classifier, const Loaded& loaded,
                  uint32_t baud, uint32_t nonce);

// Writes INFO's tail, all inputs and then all outputs; returns its bytes, at most kMaxTensors
// tensors of them.
size_t PackTensors(const Model& model, uint8_t* tail);

}  // namespace edgekit

#endif  // EDGEKIT_APP_INFO_H_
