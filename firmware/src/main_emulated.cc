// The emulated board: bare-metal Xtensa under QEMU (machine kc705-nommu, core de212), its 16550
// UART led to TCP.
#include <stdint.h>

#include "app/app.h"
#include "app/model.h"
#include "classifier_aot/aot_classifier.h"

#ifndef EDGEKIT_BUILD_ID
#define EDGEKIT_BUILD_ID "dev"
#endif

// Bounds that the linker script sets.
extern "C" {
extern char __ram_start[], __ram_end[], __flash_start[], __flash_end[];
extern const uint8_t __model_start[], __model_end[];
}

namespace {

// Registers lie 4 bytes apart.
volatile uint32_t* const kUart = reinterpret_cast<volatile uint32_t*>(0x9d050020);
constexpr int kData = 0, kInterruptEnable = 1, kFifoControl = 2, kLineStatus = 5;
constexpr uint32_t kReceived = 0x01, kTransmitterEmpty = 0x20;
constexpr size_t kFifoBytes = 16;

// CCOUNT runs at 40 MHz of QEMU's time, and -icount shift=0 makes an instruction a nanosecond: 25
// instructions a tick. A "microsecond" of this board is therefore 1,000 instructions, on every
// computer and in every run.
constexpr uint32_t kTicksPerUs = 40;

uint32_t Ccount() {
  uint32_t ticks;
  __asm__ volatile("rsr.ccount %0" : "=a"(ticks));
  return ticks;
}

class CcountClock final : public edgekit::Clock {
 public:
  // Right as long as it is asked at least once in 107 s of that time, which a poll loop does.
  uint64_t NowUs() override {
    const uint32_t ticks = Ccount();
    total_ += ticks - last_;
    last_ = ticks;
    return total_ / kTicksPerUs;
  }
#if EDGEKIT_PROFILE
  uint32_t Ticks() override { return Ccount(); }
  uint32_t tick_hz() const override { return kTicksPerUs * 1000000; }
  // A round of this loop takes 26 instructions, one more than a tick: CCOUNT grows by one a round,
  // and by two when the round that ended had begun with the last instruction of a tick.
  void AlignTicks() override {
    uint32_t now, last;
    __asm__ volatile(
        "rsr.ccount %0\n"
        "1: mov %1, %0\n"
        "rsr.ccount %0\n"
        "sub %1, %0, %1\n"
        ".rept 22\n nop\n .endr\n"
        "bnei %1, 2, 1b\n"
        : "=&a"(now), "=&a"(last));
  }
#endif

 private:
  uint32_t last_ = 0;
  uint64_t total_ = 0;
};

// The de212's interrupts of the UART (external 0) and of CCOMPARE0.
constexpr uint32_t kWakeUp = 1u << 0 | 1u << 6;

// Sleeps until the UART has received something or CCOUNT reaches `end`. The vector in start.S only
// switches the interrupts off again: whoever polls next finds out what happened. A spinning board
// would take a core from the host and keep QEMU's other thread from filling the FIFO.
void Sleep(uint32_t end) {
  uint32_t
      level;  // raised until WAITI lowers it: an interrupt that came before would be slept through
  __asm__ volatile("rsil %0, 15\n wsr.ccompare0 %1\n wsr.intenable %2\n esync\n waiti 0"
                   : "=&a"(level)
                   : "a"(end), "a"(kWakeUp)
                   : "memory");
}

class Uart final : public edgekit::ByteStream {
 public:
  // Both FIFOs on and emptied, receive trigger at 14 bytes: QEMU hands over as many at once.
  void Start() {
    kUart[kFifoControl] = 0xC7;
    kUart[kInterruptEnable] = 1;  // on reception
  }

  size_t Read(uint8_t* out, size_t capacity, uint32_t wait_us) override {
    const uint32_t end = Ccount() + wait_us * kTicksPerUs;
    while (!(kUart[kLineStatus] & kReceived)) {
      if (static_cast<int32_t>(Ccount() - end) >= 0) return 0;
      Sleep(end);
    }
    size_t count = 0;
    while (count < capacity && (kUart[kLineStatus] & kReceived))
      out[count++] = static_cast<uint8_t>(kUart[kData]);
    return count;
  }

  void Write(const uint8_t* data, size_t bytes) override {
    for (size_t i = 0; i < bytes; ++i) {
      if (i % kFifoBytes == 0) {  // an empty FIFO takes as many without being asked again
        while (!(kUart[kLineStatus] & kTransmitterEmpty)) {
        }
      }
      kUart[kData] = data[i];
    }
  }

  bool SetBaud(uint32_t baud) override {  // TCP behind the UART has no rate
    baud_ = baud;
    return true;
  }
  uint32_t baud() const override { return baud_; }

 private:
  uint32_t baud_ = 115200;
};

alignas(16) int8_t images[2][edgekit::kModel.inputs.room()];
alignas(16) int8_t outputs[3][edgekit::kModel.outputs.room()];

// QEMU loads a file there where it was given one; elsewhere the memory holds zeros.
edgekit::Partition ModelPartition() {
  for (size_t i = 0; i < 8; ++i) {
    if (__model_start[i] != 0)
      return {__model_start, static_cast<size_t>(__model_end - __model_start)};
  }
  return {};
}

}  // namespace

int main() {
  Uart uart;
  CcountClock clock;
  edgekit::AotClassifier classifier;
  const edgekit::BoardInfo board = {
      edgekit::wire::BoardKind::kEmulated,
      "xtensa de212",
      EDGEKIT_BUILD_ID,
      static_cast<uint32_t>(__ram_end - __ram_start),
      static_cast<uint32_t>(__flash_end - __flash_start),
      kTicksPerUs * 1000000,
      1u << 20,  // QEMU reads the socket only as fast as the UART is read
      4000000};
  const edgekit::Memory memory = {{images[0], images[1]},
                                  edgekit::kModel.inputs.bytes(),
                                  {outputs[0], outputs[1], outputs[2]},
                                  edgekit::kModel.outputs.bytes()};
  const edgekit::Loaded loaded = edgekit::LoadModel(classifier, ModelPartition(), memory);
  static edgekit::App app(uart, clock, classifier, board, memory);
  uart.Start();
  app.Start(loaded);
  for (;;) app.Poll();
}
