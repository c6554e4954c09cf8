#include "wire/frame.h"

#include <string.h>

namespace edgekit::wire {
namespace {

struct CrcTable {
  uint32_t entry[256];
  constexpr CrcTable() : entry() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) ? (c >> 1) ^ 0xEDB88320u : c >> 1;
      entry[i] = c;
    }
  }
};

constexpr CrcTable kCrc;

}  // namespace

uint32_t Crc32(const uint8_t* data, size_t bytes, uint32_t crc) {
  crc = ~crc;
  for (size_t i = 0; i < bytes; ++i) crc = kCrc.entry[(crc ^ data[i]) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

bool Decoder::Push(uint8_t byte) {
  if (byte != 0) {
    if (run_bytes_ < sizeof(run_)) run_[run_bytes_] = byte;
    if (run_bytes_ <= sizeof(run_)) ++run_bytes_;
    return false;
  }
  if (run_bytes_ == 0) return false;
  const bool whole = run_bytes_ <= sizeof(run_) && Parse();
  if (!whole) ++dropped_;
  run_bytes_ = 0;
  return whole;
}

// Undoes COBS in place (the body never overtakes the run) and checks the CRC.
bool Decoder::Parse() {
  size_t in = 0, out = 0;
  while (in < run_bytes_) {
    const size_t code = run_[in];
    if (in + code > run_bytes_) return false;
    memmove(run_ + out, run_ + in + 1, code - 1);
    out += code - 1;
    in += code;
    if (code < 255 && in < run_bytes_) run_[out++] = 0;
  }
  if (out < kBodyOverheadBytes) return false;
  if (Crc32(run_, out - 4) != Get32(run_ + out - 4)) return false;
  frame_ = {run_[0], run_[1], Get16(run_ + 2), run_ + 4, out - kBodyOverheadBytes};
  return true;
}

size_t EncodeFrame(uint8_t type, uint16_t seq, const uint8_t* head, size_t head_bytes,
                   const uint8_t* tail, size_t tail_bytes, uint8_t* line) {
  if (head_bytes > kMaxPayloadBytes || tail_bytes > kMaxPayloadBytes - head_bytes) return 0;
  // The body is laid out where COBS leaves it: one byte after the code of the first block.
  uint8_t* const body = line + 2;
  const size_t bytes = 4 + head_bytes + tail_bytes;
  body[0] = kVersion;
  body[1] = type;
  Put16(body + 2, seq);
  if (head_bytes != 0) memcpy(body + 4, head, head_bytes);
  if (tail_bytes != 0) memcpy(body + 4 + head_bytes, tail, tail_bytes);
  Put32(body + bytes, Crc32(body, bytes));
  line[0] = 0;
  uint8_t* code = line + 1;
  for (uint8_t* p = body; p != body + bytes + 4; ++p) {
    if (*p != 0) continue;
    *code = static_cast<uint8_t>(p - code);
    code = p;
  }
  *code = static_cast<uint8_t>(body + bytes + 4 - code);
  body[bytes + 4] = 0;
  return bytes + 7;
}

}  // namespace edgekit::wire
