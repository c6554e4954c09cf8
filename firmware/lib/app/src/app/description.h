// What the firmware's image says of the models that it runs, to whoever reads it out of the flash:
// `edgekit flash --model-only`.
#ifndef EDGEKIT_APP_DESCRIPTION_H_
#define EDGEKIT_APP_DESCRIPTION_H_

#include "app/model.h"

namespace edgekit {

// A struct whose members lie where Pack would put them, so that it is its own bytes.
static_assert(sizeof(wire::FirmwareDescription) == wire::FirmwareDescription::kBytes);

constexpr wire::FirmwareDescription Description(wire::Backend backend) {
  wire::FirmwareDescription says;
  for (size_t i = 0; i < sizeof(says.magic); ++i) says.magic[i] = wire::kFirmwareMagic[i];
  says.format = wire::kFirmwareFormat;
  says.backend = static_cast<uint8_t>(backend);
  says.input_bytes = static_cast<uint32_t>(kModel.inputs.bytes());
  says.output_bytes = static_cast<uint32_t>(kModel.outputs.bytes());
  for (size_t i = 0; i < sizeof(says.operators); ++i) {
    says.built_in_sha256[i] = generated::kModelSha256[i];
    says.operators[i] = generated::kOperatorMap[i];
  }
  return says;
}

}  // namespace edgekit

#endif  // EDGEKIT_APP_DESCRIPTION_H_
