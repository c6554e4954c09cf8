// Frames in and out: bytes, no I/O. Knows only the C standard headers.
// firmware/PROTOCOL.md describes the format; edgekit.device.protocol is the host's side.
#ifndef EDGEKIT_WIRE_FRAME_H_
#define EDGEKIT_WIRE_FRAME_H_

#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"

namespace edgekit::wire {

// CRC-32 as in zlib. To go on over several pieces pass the former result.
uint32_t Crc32(const uint8_t* data, size_t bytes, uint32_t crc = 0);

// A body that passed its CRC. The payload points into the decoder and lives until its next Push.
struct Frame {
  uint8_t version;
  uint8_t type;
  uint16_t seq;
  const uint8_t* payload;
  size_t payload_bytes;
};

class Decoder {
 public:
  // Takes one byte; true when it completes a frame, which is then in frame().
  bool Push(uint8_t byte);
  const Frame& frame() const { return frame_; }
  // Runs of bytes between delimiters that were no frame.
  uint32_t dropped() const { return dropped_; }

 private:
  bool Parse();

  uint8_t run_[kMaxBodyBytes + 1];
  size_t run_bytes_ = 0;  // may exceed the array by one: too long for a frame
  uint32_t dropped_ = 0;
  Frame frame_ = {};
};

// Room for the longest frame on the line: two delimiters and COBS's one byte.
inline constexpr size_t kMaxLineBytes = kMaxBodyBytes + 3;

// Writes one frame to `line` (kMaxLineBytes) and returns its length. The payload is `head` then
// `tail`; 0 where both together exceed kMaxPayloadBytes.
size_t EncodeFrame(uint8_t type, uint16_t seq, const uint8_t* head, size_t head_bytes,
                   const uint8_t* tail, size_t tail_bytes, uint8_t* line);

}  // namespace edgekit::wire

#endif  // EDGEKIT_WIRE_FRAME_H_
