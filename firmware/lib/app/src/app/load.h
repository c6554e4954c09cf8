// Which model runs: the one in the board's model partition where all of it holds and the board can
// run it, else the one that was built with the firmware.
#ifndef EDGEKIT_APP_LOAD_H_
#define EDGEKIT_APP_LOAD_H_

#include "app/ports.h"

namespace edgekit {

// What came of it.
struct Loaded {
  Status status;  // of the model that runs
  wire::ModelSource source = wire::ModelSource::kBuiltIn;
  Status stored;  // why the stored model does not run; ok where it does, or where none lies there
};

// Reads a partition; ok with no `stored->data` where nobody has written a model.
// `built_in_sha256`: of the model that a stored one has to name as the one that it replaces.
Status ReadStored(const Partition& partition, const uint8_t* built_in_sha256, Stored* stored);

// Loads one of the two. Once a board.
Loaded LoadModel(Classifier& classifier, const Partition& partition, const Memory& memory);

}  // namespace edgekit

#endif  // EDGEKIT_APP_LOAD_H_
