// The commands of the protocol: frames in, answers out. One thread, no heap; talks only to ports.h.
#ifndef EDGEKIT_APP_APP_H_
#define EDGEKIT_APP_APP_H_

#include <stddef.h>
#include <stdint.h>

#include "app/load.h"
#include "app/mlperf_tiny.h"
#include "app/ports.h"
#include "wire/frame.h"

namespace edgekit {

class App {
 public:
  App(ByteStream& stream, Clock& clock, Classifier& classifier, const BoardInfo& board,
      const Memory& memory);

  // Takes over the model that was loaded, and sends MLPerf Tiny's start-up message, which a frame
  // decoder skips as noise.
  void Start(const Loaded& loaded);
  // Waits up to a tenth of a second for bytes and answers what they ask.
  void Poll();

 private:
  // An image by its sequence number: neighbours never share a slot.
  struct Slot {
    enum State : uint8_t { kEmpty, kLoading, kDone } state = kEmpty;
    uint16_t seq = 0;
    int8_t* input = nullptr;
    uint8_t missing[wire::kMaxChunks / 8] = {};  // a bit a chunk
    uint32_t input_crc = 0;
    uint32_t invoke_us = 0;
    int8_t* outputs = nullptr;
  };

  void Take(uint8_t byte);
  void Handle(const wire::Frame& frame);
  void OnHello(uint16_t seq, const wire::Hello& hello);
  void OnData(const wire::Frame& frame);
  void OnInfer(uint16_t seq, const wire::Infer& infer);
  void OnSetBaud(uint16_t seq, const wire::SetBaud& request);
  void OnAskLabels(uint16_t seq, const wire::AskLabels& question);
#if EDGEKIT_PROFILE
  void OnProfile(uint16_t seq, const wire::Profile& profile);
#endif
  void Begin(Slot* slot, uint16_t seq);
  bool AnyMissing(const Slot& slot) const;
  void ForgetImages();
  template <typename Message>
  void Send(uint16_t seq, const Message& message, const uint8_t* tail = nullptr,
            size_t tail_bytes = 0);
  void SendError(uint16_t seq, wire::ErrorCode code, uint32_t detail);

  ByteStream& stream_;
  Clock& clock_;
  Classifier& classifier_;
  const BoardInfo board_;
  const Memory memory_;
  MlperfTiny text_;
  wire::Decoder decoder_;
  Loaded loaded_;
  Slot slots_[2];
  size_t input_bytes_ = 0, chunks_ = 0, output_bytes_ = 0;  // of a model that can run, else 0
  uint32_t nonce_ = 0;
  bool greeted_ = false;
  uint32_t echo_left_ = 0;
  uint64_t echo_until_us_ = 0;
  uint32_t former_baud_ = 0;  // not 0 while a new rate is on trial
  uint64_t trial_until_us_ = 0;
};

}  // namespace edgekit

#endif  // EDGEKIT_APP_APP_H_
