// The application without a board: a line of memory, a clock that is set by hand, a classifier that
// counts. `pio test -e native` runs it; every test prints PASS or FAIL with its name.
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "wire/frame.h"

namespace {

using edgekit::App;
using edgekit::Model;
using edgekit::Status;
namespace wire = edgekit::wire;
using wire::ErrorCode;

constexpr uint8_t kSha[32] = {0xAB};
constexpr wire::Tensor kInput[] = {{9, 3, -128, 0x3b808081, {10, 50, 1}}};
constexpr wire::Tensor kOutput[] = {{9, 1, 3, 0x3e000000, {2}}};
constexpr Model kModel = {kSha, {kInput, 1}, {kOutput, 1}, "a\0b", 4, wire::Decision::kThreshold, 1,
                          1,    0,           0x3f800000,   1000};

class Line final : public edgekit::ByteStream {
 public:
  size_t Read(uint8_t* out, size_t capacity, uint32_t) override {
    size_t count = 0;
    while (count < capacity && at_ < to_board_bytes_) out[count++] = to_board_[at_++];
    return count;
  }
  void Write(const uint8_t* data, size_t bytes) override {
    for (size_t i = 0; i < bytes; ++i) {
      if (!decoder_.Push(data[i])) continue;
      const wire::Frame& frame = decoder_.frame();
      last_type = frame.type;
      last_seq = frame.seq;
      last_bytes = frame.payload_bytes;
      memcpy(last, frame.payload, frame.payload_bytes);
      ++frames;
    }
  }
  bool SetBaud(uint32_t baud) override {
    baud_ = baud;
    return true;
  }
  uint32_t baud() const override { return baud_; }

  template <typename Message>
  void Say(uint16_t seq, const Message& message, const uint8_t* tail = nullptr, size_t bytes = 0) {
    uint8_t head[Message::kBytes + 1] = {};
    if constexpr (Message::kBytes != 0) message.Pack(head);
    to_board_bytes_ += wire::EncodeFrame(Message::kType, seq, head, Message::kBytes, tail, bytes,
                                         to_board_ + to_board_bytes_);
  }
  bool idle() const { return at_ == to_board_bytes_; }

  uint8_t last[wire::kMaxPayloadBytes] = {};
  size_t last_bytes = 0;
  uint8_t last_type = 0;
  uint16_t last_seq = 0;
  int frames = 0;

 private:
  uint8_t to_board_[65536];
  size_t to_board_bytes_ = 0, at_ = 0;
  uint32_t baud_ = 115200;
  wire::Decoder decoder_;
};

class HandClock final : public edgekit::Clock {
 public:
  uint64_t NowUs() override { return now; }
  uint64_t now = 0;
};

class Counter final : public edgekit::Classifier {
 public:
  explicit Counter(HandClock& clock) : clock_(clock) {}
  Status Load() override { return load; }
  Status LoadStored(const edgekit::Stored&) override { return {ErrorCode::kBuiltInAlone, 0}; }
  Status Reset() override {
    fresh = true;
    return reset;
  }
  Status Run(const int8_t* input, int8_t* output) override {
    ++runs;
    stale += !fresh;
    fresh = false;
    clock_.now += 777;
    output[0] = input[0];
    output[1] = input[499];
    return run;
  }
  const Model& model() const override { return kModel; }
  uint32_t arena_bytes() const override { return 64; }
  wire::Backend backend() const override { return wire::Backend::kAot; }

  Status load, reset, run;
  int runs = 0, stale = 0;  // `stale`: runs from what an earlier one has left
  bool fresh = false;

 private:
  HandClock& clock_;
};

struct Bench {
  Line line;
  HandClock clock;
  Counter classifier{clock};
  int8_t images[2][500], outputs[3][2];
  edgekit::Memory memory{{images[0], images[1]}, 500, {outputs[0], outputs[1], outputs[2]}, 2};
  App app{line,
          clock,
          classifier,
          {wire::BoardKind::kNative, "bench", "1", 0, 0, 0, 0, 2000000},
          memory};

  void Start() { app.Start(edgekit::LoadModel(classifier, {}, memory)); }

  void Run() {
    do app.Poll();
    while (!line.idle());
  }
  void SendImage(uint16_t seq, const uint8_t* image, size_t skip = 99) {
    for (size_t at = 0; at < 500; at += wire::kChunkBytes) {
      if (at / wire::kChunkBytes == skip) continue;
      wire::Data data;
      data.offset = static_cast<uint32_t>(at);
      line.Say(seq, data, image + at, at + wire::kChunkBytes < 500 ? wire::kChunkBytes : 500 - at);
    }
  }
  void Ask(uint16_t seq, const uint8_t* image) {
    wire::Infer infer;
    infer.input_bytes = 500;
    infer.input_crc = wire::Crc32(image, 500);
    line.Say(seq, infer);
    Run();
  }
  bool Answered(uint8_t type) const { return line.last_type == type; }
  bool Refused(ErrorCode code, uint32_t detail) const {
    const wire::Error error = wire::Error::Unpack(line.last);
    return Answered(wire::Error::kType) && error.code == static_cast<uint16_t>(code) &&
           error.detail == detail;
  }
};

uint8_t image_a[500], image_b[500];
bool all_passed = true;

void Check(const char* name, bool passed) {
  printf("%s %s\n", passed ? "PASS" : "FAIL", name);
  all_passed = all_passed && passed;
}

void RepeatIsAnsweredAgainWithoutASecondRun() {
  static Bench bench;
  bench.Start();
  bench.SendImage(7, image_a);
  bench.Ask(7, image_a);
  const wire::Result first = wire::Result::Unpack(bench.line.last);
  bench.clock.now += 1000;
  bench.Ask(7, image_a);
  const wire::Result again = wire::Result::Unpack(bench.line.last);
  Check("a repeated INFER is answered again without a second run",
        bench.Answered(wire::Result::kType) && bench.classifier.runs == 1 &&
            first.invoke_us == 777 && again.invoke_us == 777 && bench.line.frames == 2);
}

void OnlyLostChunksAreAskedFor() {
  static Bench bench;
  bench.Start();
  bench.SendImage(8, image_a, 1);
  bench.Ask(8, image_a);
  const bool asked = bench.Answered(wire::Missing::kType) && bench.line.last_bytes == 1 &&
                     bench.line.last[0] == 0b010;
  bench.SendImage(8, image_a, 99);
  bench.Ask(8, image_a);
  Check("only the lost chunk is asked for, and then the image runs",
        asked && bench.Answered(wire::Result::kType) && bench.classifier.runs == 1);
}

void WrongCrcRunsNothing() {
  static Bench bench;
  bench.Start();
  bench.SendImage(8, image_a);
  bench.Ask(8, image_b);
  Check("an image whose CRC is another than INFER says is asked for whole and not run",
        bench.Answered(wire::Missing::kType) && bench.line.last[0] == 0b111 &&
            bench.classifier.runs == 0);
}

void TwoImagesTravelAtOnce() {
  static Bench bench;
  bench.Start();
  bench.SendImage(1, image_a, 0);
  bench.SendImage(2, image_b);
  bench.Ask(2, image_b);
  const bool second = bench.Answered(wire::Result::kType) && bench.line.last_seq == 2;
  bench.SendImage(1, image_a);
  bench.Ask(1, image_a);
  Check("a second image may overtake one that waits for a chunk",
        second && bench.Answered(wire::Result::kType) && bench.line.last_seq == 1);
}

void NewSessionForgetsImages() {
  static Bench bench;
  bench.Start();
  wire::Hello hello;
  hello.nonce = 1;
  bench.line.Say(0, hello);
  bench.SendImage(3, image_a);
  bench.line.Say(0, hello);  // the same session: nothing is lost
  bench.Ask(3, image_a);
  const bool kept = bench.Answered(wire::Result::kType);
  hello.nonce = 2;
  bench.line.Say(0, hello);
  bench.Ask(3, image_a);
  Check("HELLO with another nonce forgets the images, with the same one keeps them",
        kept && bench.Answered(wire::Missing::kType));
}

void FailedLoadAnswersItsError() {
  static Bench bench;
  bench.classifier.load = {ErrorCode::kArenaTooSmall, 65536};
  bench.Start();
  bench.Ask(1, image_a);
  const bool refused = bench.Refused(ErrorCode::kArenaTooSmall, 65536);
  wire::Hello hello;
  bench.line.Say(0, hello);
  bench.Run();
  const wire::Info info = wire::Info::Unpack(bench.line.last);
  Check(
      "a model that did not load answers its error with the bytes, in INFO too",
      refused && info.model_error == 6 && info.error_detail == 65536 && bench.classifier.runs == 0);
}

void InfoDescribesInputsAndOutputs() {
  static Bench bench;
  bench.Start();
  bench.line.Say(0, wire::Hello{});
  bench.Run();
  const wire::Info info = wire::Info::Unpack(bench.line.last);
  const uint8_t* const tail = bench.line.last + wire::Info::kBytes;
  const wire::Tensor input = wire::Tensor::Unpack(tail);
  const wire::Tensor output = wire::Tensor::Unpack(tail + wire::Tensor::kBytes);
  Check("INFO describes each input and each output",
        bench.line.last_bytes == wire::Info::kBytes + 2 * wire::Tensor::kBytes &&
            info.inputs == 1 && info.outputs == 1 && input.type == 9 && input.rank == 3 &&
            input.dimensions[1] == 50 && input.zero_point == -128 && output.rank == 1 &&
            output.dimensions[0] == 2 && output.scale_bits == 0x3e000000 && output.zero_point == 3);
}

void EachTensorBeginsAtAMultipleOfFour() {
  constexpr wire::Tensor kList[] = {
      {9, 2, 0, 0, {1, 3}}, {7, 1, 0, 0, {5}}, {2, 1, 0, 0, {2}}, {9, 1, 0, 0, {1}}};
  const edgekit::Tensors four = {kList, 4};
  Check("each tensor of a buffer begins at a multiple of four bytes",
        four.offset(1) == 4 && four.offset(2) == 16 && four.offset(3) == 24 && four.bytes() == 25 &&
            four.room() == 28 && four.elements() == 11);
}

void FailedRunIsAnError() {
  static Bench bench;
  bench.classifier.run = {ErrorCode::kInvokeFailed, 1};
  bench.Start();
  bench.SendImage(1, image_a);
  bench.Ask(1, image_a);
  Check("a run that failed is an error and no result", bench.Refused(ErrorCode::kInvokeFailed, 1));
}

void EveryRunBeginsWithAReset() {
  static Bench bench;
  bench.Start();
  for (uint16_t seq = 1; seq <= 3; ++seq) {
    bench.SendImage(seq, image_a);
    bench.Ask(seq, image_a);
  }
  const bool fresh = bench.classifier.runs == 3 && bench.classifier.stale == 0;
  bench.classifier.reset = {ErrorCode::kInvokeFailed, 2};
  bench.SendImage(4, image_a);
  bench.Ask(4, image_a);
  Check("every run begins with a reset, and one that failed is an error and no run",
        fresh && bench.Refused(ErrorCode::kInvokeFailed, 2) && bench.classifier.runs == 3);
}

void SilentRateIsGivenUp() {
  static Bench bench;
  bench.Start();
  wire::SetBaud rate;
  rate.baud = 921600;
  bench.line.Say(1, rate);
  bench.Run();
  const bool changed = bench.line.baud() == 921600 && bench.Answered(wire::Baud::kType);
  bench.clock.now += wire::kBaudTrialMs * 1000 - 1;
  bench.Run();
  const bool patient = bench.line.baud() == 921600;
  bench.clock.now += 2;
  bench.Run();
  Check("a rate at which no frame comes is given up after the trial",
        changed && patient && bench.line.baud() == 115200);
}

void GoodFrameKeepsTheRate() {
  static Bench bench;
  bench.Start();
  wire::SetBaud rate;
  rate.baud = 921600;
  bench.line.Say(1, rate);
  bench.line.Say(2, wire::Ping{});
  bench.Run();
  bench.clock.now += 10000000;
  bench.Run();
  Check("one good frame keeps the new rate", bench.line.baud() == 921600);
}

void TooLargeAModelIsRefused() {
  static Bench bench;
  bench.memory.image_bytes = 499;
  bench.Start();
  wire::Infer infer;
  infer.input_bytes = 500;
  bench.line.Say(1, infer);
  bench.Run();
  Check("a model larger than the memory for images is refused with the room there is",
        bench.Refused(ErrorCode::kInputTooLarge, 499));
}

void ProfileIsUnknownToOrdinaryFirmware() {
  static Bench bench;
  bench.Start();
  bench.line.Say(1, wire::Profile{});
  bench.Run();
  Check("PROFILE is a type that firmware without a profile does not know",
        bench.Refused(ErrorCode::kBadType, wire::Profile::kType));
}

void LabelsComeInPiecesAndEnd() {
  static Bench bench;
  bench.Start();
  wire::AskLabels question;
  question.offset = 2;
  bench.line.Say(1, question);
  bench.Run();
  const wire::Labels rest = wire::Labels::Unpack(bench.line.last);
  const bool told = bench.Answered(wire::Labels::kType) && rest.offset == 2 &&
                    bench.line.last_bytes == wire::Labels::kBytes + 2 &&
                    memcmp(bench.line.last + wire::Labels::kBytes, "b", 2) == 0;
  question.offset = 4;
  bench.line.Say(2, question);
  bench.Run();
  Check("labels are told from any byte on, and beyond them their length",
        told && bench.Refused(ErrorCode::kNoLabels, 4));
}

}  // namespace

int main() {
  for (int i = 0; i < 500; ++i) {
    image_a[i] = static_cast<uint8_t>(i * 7);
    image_b[i] = static_cast<uint8_t>(i * 11 + 1);
  }
  RepeatIsAnsweredAgainWithoutASecondRun();
  OnlyLostChunksAreAskedFor();
  WrongCrcRunsNothing();
  TwoImagesTravelAtOnce();
  NewSessionForgetsImages();
  FailedLoadAnswersItsError();
  InfoDescribesInputsAndOutputs();
  EachTensorBeginsAtAMultipleOfFour();
  FailedRunIsAnError();
  EveryRunBeginsWithAReset();
  SilentRateIsGivenUp();
  GoodFrameKeepsTheRate();
  TooLargeAModelIsRefused();
  ProfileIsUnknownToOrdinaryFirmware();
  LabelsComeInPiecesAndEnd();
  printf("DONE\n");
  return all_passed ? 0 : 1;
}
