#include "app/app.h"

#include <string.h>

#include "app/info.h"

namespace edgekit {
namespace {

using wire::ErrorCode;

constexpr uint32_t kWaitUs = 100000;
constexpr uint32_t kEchoSilenceUs = 1000000;
constexpr size_t kReadBytes = 64;  // several times a UART's FIFO

}  // namespace

App::App(ByteStream& stream, Clock& clock, Classifier& classifier, const BoardInfo& board,
         const Memory& memory)
    : stream_(stream),
      clock_(clock),
      classifier_(classifier),
      board_(board),
      memory_(memory),
      text_(stream, clock, classifier, {memory.images[0], memory.image_bytes, memory.outputs[2]}) {
  for (int i = 0; i < 2; ++i) {
    slots_[i].input = memory.images[i];
    slots_[i].outputs = memory.outputs[i];
  }
#if EDGEKIT_PROFILE
  classifier.ProfileWith(clock);
#endif
}

void App::Start(const Loaded& loaded) {
  loaded_ = loaded;
  if (loaded.status.ok()) {
    input_bytes_ = classifier_.model().inputs.bytes();
    chunks_ = (input_bytes_ + wire::kChunkBytes - 1) / wire::kChunkBytes;
    output_bytes_ = classifier_.model().outputs.bytes();
  }
  text_.Start(loaded.status.ok());
}

void App::Poll() {
  uint8_t bytes[kReadBytes];
  const size_t count = stream_.Read(bytes, sizeof(bytes), kWaitUs);
  size_t at = 0;
  if (echo_left_ != 0) {
    const uint64_t now = clock_.NowUs();
    at = count < echo_left_ ? count : echo_left_;
    stream_.Write(bytes, at);
    echo_left_ -= static_cast<uint32_t>(at);
    if (at != 0) echo_until_us_ = now + kEchoSilenceUs;
    if (now > echo_until_us_) echo_left_ = 0;
  }
  for (; at < count; ++at) Take(bytes[at]);
  if (former_baud_ != 0 && clock_.NowUs() > trial_until_us_) {
    stream_.SetBaud(former_baud_);
    former_baud_ = 0;
  }
}

void App::Take(uint8_t byte) {
  if (decoder_.Push(byte)) Handle(decoder_.frame());
  if (text_.Push(byte)) ForgetImages();  // the first slot's input may be the text's now
}

void App::Handle(const wire::Frame& frame) {
  former_baud_ = 0;  // a good frame: the rate on trial works
  if (frame.version != wire::kVersion) {
    SendError(frame.seq, ErrorCode::kBadVersion, wire::kVersion);
    return;
  }
  const auto whole = [&](size_t bytes) {
    if (frame.payload_bytes == bytes) return true;
    SendError(frame.seq, ErrorCode::kBadLength, static_cast<uint32_t>(bytes));
    return false;
  };
  switch (frame.type) {
    case wire::Hello::kType:
      if (whole(wire::Hello::kBytes)) OnHello(frame.seq, wire::Hello::Unpack(frame.payload));
      break;
    case wire::Ping::kType:
      Send(frame.seq, wire::Pong{}, frame.payload, frame.payload_bytes);
      break;
    case wire::Data::kType:
      OnData(frame);
      break;
    case wire::Infer::kType:
      if (whole(wire::Infer::kBytes)) OnInfer(frame.seq, wire::Infer::Unpack(frame.payload));
      break;
    case wire::SetBaud::kType:
      if (whole(wire::SetBaud::kBytes)) OnSetBaud(frame.seq, wire::SetBaud::Unpack(frame.payload));
      break;
    case wire::RawEcho::kType:
      if (whole(wire::RawEcho::kBytes)) {
        echo_left_ = wire::RawEcho::Unpack(frame.payload).count;
        echo_until_us_ = clock_.NowUs() + kEchoSilenceUs;
        wire::EchoReady ready;
        ready.count = echo_left_;
        Send(frame.seq, ready);
      }
      break;
    case wire::AskLabels::kType:
      if (whole(wire::AskLabels::kBytes))
        OnAskLabels(frame.seq, wire::AskLabels::Unpack(frame.payload));
      break;
#if EDGEKIT_PROFILE
    case wire::Profile::kType:
      if (whole(wire::Profile::kBytes)) OnProfile(frame.seq, wire::Profile::Unpack(frame.payload));
      break;
#endif
    default:
      SendError(frame.seq, ErrorCode::kBadType, frame.type);
  }
}

void App::OnHello(uint16_t seq, const wire::Hello& hello) {
  if (!greeted_ || hello.nonce != nonce_) ForgetImages();
  greeted_ = true;
  nonce_ = hello.nonce;
  const wire::Info info = InfoOf(board_, classifier_, loaded_, stream_.baud(), nonce_);
  uint8_t tensors[wire::kMaxTensors * wire::Tensor::kBytes];
  Send(seq, info, tensors, PackTensors(classifier_.model(), tensors));
}

void App::OnData(const wire::Frame& frame) {
  if (frame.payload_bytes < wire::Data::kBytes) {
    SendError(frame.seq, ErrorCode::kBadLength, wire::Data::kBytes);
    return;
  }
  if (input_bytes_ == 0) {
    SendError(frame.seq, loaded_.status.code, loaded_.status.detail);
    return;
  }
  const size_t offset = wire::Data::Unpack(frame.payload).offset;
  const size_t bytes = frame.payload_bytes - wire::Data::kBytes;
  if (offset >= input_bytes_ || offset % wire::kChunkBytes != 0) {
    SendError(frame.seq, ErrorCode::kBadOffset, static_cast<uint32_t>(offset));
    return;
  }
  const size_t left = input_bytes_ - offset;
  const size_t expected = left < wire::kChunkBytes ? left : wire::kChunkBytes;
  if (bytes != expected) {
    SendError(frame.seq, ErrorCode::kBadLength,
              static_cast<uint32_t>(wire::Data::kBytes + expected));
    return;
  }
  Slot& slot = slots_[frame.seq & 1];
  if (slot.state == Slot::kEmpty || slot.seq != frame.seq) Begin(&slot, frame.seq);
  if (slot.state == Slot::kDone) return;  // a late copy: the image has run already
  memcpy(slot.input + offset, frame.payload + wire::Data::kBytes, bytes);
  const size_t chunk = offset / wire::kChunkBytes;
  slot.missing[chunk / 8] &= static_cast<uint8_t>(~(1u << (chunk % 8)));
}

void App::OnInfer(uint16_t seq, const wire::Infer& infer) {
  if (input_bytes_ == 0) {
    SendError(seq, loaded_.status.code, loaded_.status.detail);
    return;
  }
  if (infer.input_bytes != input_bytes_) {
    SendError(seq, ErrorCode::kBadLength, static_cast<uint32_t>(input_bytes_));
    return;
  }
  Slot& slot = slots_[seq & 1];
  if (slot.state == Slot::kEmpty || slot.seq != seq ||
      (slot.state == Slot::kDone && slot.input_crc != infer.input_crc)) {
    Begin(&slot, seq);
  }
  if (slot.state == Slot::kLoading) {
    if (!AnyMissing(slot)) {
      slot.input_crc = wire::Crc32(reinterpret_cast<const uint8_t*>(slot.input), input_bytes_);
      if (slot.input_crc != infer.input_crc) Begin(&slot, seq);
    }
    if (AnyMissing(slot)) {
      Send(seq, wire::Missing{}, slot.missing, (chunks_ + 7) / 8);
      return;
    }
    Status status = classifier_.Reset();
    const uint64_t begin_us = clock_.NowUs();
    if (status.ok()) status = classifier_.Run(slot.input, slot.outputs);
    slot.invoke_us = static_cast<uint32_t>(clock_.NowUs() - begin_us);
    if (!status.ok()) {
      slot.state = Slot::kEmpty;
      SendError(seq, status.code, status.detail);
      return;
    }
    slot.state = Slot::kDone;
  }
  wire::Result result;
  result.invoke_us = slot.invoke_us;
  result.input_crc = slot.input_crc;
  for (size_t at = 0; at < output_bytes_; at += wire::kResultBytesAFrame) {
    const size_t left = output_bytes_ - at;
    result.offset = static_cast<uint32_t>(at);
    Send(seq, result, reinterpret_cast<const uint8_t*>(slot.outputs + at),
         left < wire::kResultBytesAFrame ? left : wire::kResultBytesAFrame);
  }
}

void App::OnAskLabels(uint16_t seq, const wire::AskLabels& question) {
  const Model& model = classifier_.model();
  if (question.offset >= model.label_bytes) {
    SendError(seq, ErrorCode::kNoLabels, model.label_bytes);
    return;
  }
  const size_t left = model.label_bytes - question.offset;
  wire::Labels answer;
  answer.offset = question.offset;
  Send(seq, answer, reinterpret_cast<const uint8_t*>(model.labels) + question.offset,
       left < wire::kLabelBytesAFrame ? left : wire::kLabelBytesAFrame);
}

void App::OnSetBaud(uint16_t seq, const wire::SetBaud& request) {
  for (const Slot& slot : slots_) {
    if (slot.state == Slot::kLoading) {
      SendError(seq, ErrorCode::kBusy, slot.seq);
      return;
    }
  }
  const uint32_t former = stream_.baud();
  if (request.baud == 0 || request.baud > board_.max_baud) {
    SendError(seq, ErrorCode::kBadBaud, former);
    return;
  }
  wire::Baud answer;
  answer.baud = request.baud;
  Send(seq, answer);
  if (!stream_.SetBaud(request.baud))
    return;  // the host receives nothing at the new rate and falls back
  former_baud_ = former;
  trial_until_us_ = clock_.NowUs() + wire::kBaudTrialMs * uint64_t{1000};
}

#if EDGEKIT_PROFILE
void App::OnProfile(uint16_t seq, const wire::Profile& profile) {
  const StepTicks notes = classifier_.step_ticks();
  if (notes.steps == 0) {  // the classifier is TFLM
    SendError(seq, ErrorCode::kBadType, wire::Profile::kType);
    return;
  }
  if (profile.first >= notes.steps) {
    SendError(seq, ErrorCode::kBadOffset, notes.steps);
    return;
  }
  wire::StepTicks answer;
  answer.tick_hz = clock_.tick_hz();
  answer.steps = notes.steps;
  answer.first = profile.first;
  uint8_t ticks[4 * wire::kStepsAFrame];
  size_t bytes = 0;
  for (size_t i = profile.first; i < notes.steps && bytes < sizeof(ticks); ++i, bytes += 4)
    wire::Put32(ticks + bytes, notes.ticks[i]);
  Send(seq, answer, ticks, bytes);
}
#endif

void App::Begin(Slot* slot, uint16_t seq) {
  if (slot->input == memory_.images[0]) text_.ForgetImage();  // one buffer, one owner
  slot->state = Slot::kLoading;
  slot->seq = seq;
  for (size_t i = 0; i < chunks_; ++i) slot->missing[i / 8] |= static_cast<uint8_t>(1u << (i % 8));
}

bool App::AnyMissing(const Slot& slot) const {
  for (size_t i = 0; i < (chunks_ + 7) / 8; ++i) {
    if (slot.missing[i] != 0) return true;
  }
  return false;
}

void App::ForgetImages() {
  for (Slot& slot : slots_) slot.state = Slot::kEmpty;
}

template <typename Message>
void App::Send(uint16_t seq, const Message& message, const uint8_t* tail, size_t tail_bytes) {
  uint8_t head[Message::kBytes + 1] = {};  // one more: a message may have no fixed bytes
  uint8_t line[wire::kMaxLineBytes];
  if constexpr (Message::kBytes != 0) message.Pack(head);
  stream_.Write(
      line, wire::EncodeFrame(Message::kType, seq, head, Message::kBytes, tail, tail_bytes, line));
}

void App::SendError(uint16_t seq, ErrorCode code, uint32_t detail) {
  wire::Error error;
  error.code = static_cast<uint16_t>(code);
  error.detail = detail;
  Send(seq, error);
}

}  // namespace edgekit
