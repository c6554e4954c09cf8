#include "app/mlperf_tiny.h"

#include <string.h>

namespace edgekit {
namespace {

constexpr uint32_t kMaxRuns = 1000000;
constexpr size_t kNameBytes = 6;  // of the model's SHA-256

// Cuts the next word off `*text`; an empty one at the end.
const char* NextWord(char** text) {
  while (**text == ' ') ++*text;
  const char* word = *text;
  while (**text != '\0' && **text != ' ') ++*text;
  if (**text == ' ') *(*text)++ = '\0';
  return word;
}

// A decimal number up to kMaxRuns; false for anything else.
bool ParseNumber(const char* word, uint32_t* number) {
  if (*word == '\0') return false;
  *number = 0;
  for (; *word != '\0'; ++word) {
    if (*word < '0' || *word > '9') return false;
    *number = *number * 10 + static_cast<uint32_t>(*word - '0');
    if (*number > kMaxRuns) return false;
  }
  return true;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A little-endian signed number of 1, 2 or 4 bytes.
int32_t Element(const int8_t* at, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint32_t{static_cast<uint8_t>(at[i])} << 8 * i;
  const uint32_t sign = uint32_t{1} << (8 * bytes - 1);
  return static_cast<int32_t>((value ^ sign) - sign);
}

// `steps` (at most 2^32) times a positive single given by its bits, times 1000. A single is a
// number of 24 bits times 2^exponent; 1000 is 125 times 2^3.
uint64_t Thousandths(uint64_t steps, uint32_t scale_bits) {
  constexpr uint64_t kMost = uint64_t{UINT32_MAX} * 1000 + 999;
  const uint32_t biased = scale_bits >> 23 & 0xFF;
  const uint64_t fraction = (scale_bits & 0x7FFFFF) | (biased == 0 ? 0 : 0x800000);
  const int exponent = static_cast<int>(biased == 0 ? 1 : biased) - 150 + 3;
  const uint64_t product = steps * fraction * 125;  // below 2^63
  if (exponent < -63) return 0;
  if (exponent < 0) {
    const uint64_t rounded = (product >> (-exponent - 1)) + 1;
    return rounded / 2 < kMost ? rounded / 2 : kMost;
  }
  for (int i = 0; i < exponent; ++i) {
    if (i == 63 || product > kMost >> (i + 1)) return product == 0 ? 0 : kMost;
  }
  return product << exponent;
}

}  // namespace

MlperfTiny::MlperfTiny(ByteStream& stream, Clock& clock, Classifier& classifier,
                       const TextMemory& memory)
    : stream_(stream), clock_(clock), classifier_(classifier), memory_(memory) {}

void MlperfTiny::Start(bool loaded) {
  loaded_ = loaded;
  Print("m-init-done\r\nm-ready\r\n");
}

bool MlperfTiny::Push(uint8_t byte) {
  if (byte == 0) {
    text_ = true;
    command_bytes_ = 0;
    return false;
  }
  if (!text_ || byte == '\r' || byte == '\n') return false;
  if (byte < 0x20 || byte > 0x7E) {
    text_ = false;
    return false;
  }
  if (byte != '%') {
    if (command_bytes_ <= kCommandBytes) command_[command_bytes_++] = static_cast<char>(byte);
    return false;
  }
  const bool fits = command_bytes_ <= kCommandBytes;
  command_[fits ? command_bytes_ : kCommandBytes] = '\0';
  command_bytes_ = 0;
  if (strcmp(command_, "name") == 0) greeted_ = true;
  if (!greeted_) return false;
  if (fits) {
    Command();
  } else {
    Print("e-[Command too long]\r\n");
  }
  Print("m-ready\r\n");
  return true;
}

void MlperfTiny::ForgetImage() { expected_bytes_ = loaded_bytes_ = 0; }

void MlperfTiny::Command() {
  char* rest = command_;
  const char* word = NextWord(&rest);
  if (strcmp(word, "name") == 0) {
    Print("m-name-dut-[edgekit]\r\n");
  } else if (strcmp(word, "timestamp") == 0) {
    Lap();
  } else if (strcmp(word, "profile") == 0) {
    Print("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[");
    if (classifier_.model().sha256 != nullptr) PrintHex(classifier_.model().sha256, kNameBytes);
    Print("]\r\n");
  } else if (strcmp(word, "help") == 0) {
    Print("name, timestamp, profile, db load N, db HH.., infer N [W], results\r\n");
  } else if (strcmp(word, "db") == 0) {
    const char* what = NextWord(&rest);
    if (*what == '\0') {
      Print("e-[Command 'db' requires a subcommand]\r\n");
    } else if (strcmp(what, "load") == 0) {
      Load(NextWord(&rest));
    } else {
      Hex(what);
    }
  } else if (strcmp(word, "infer") == 0) {
    uint32_t runs = 1, warm_ups = 10;
    const char* first = NextWord(&rest);
    const char* second = NextWord(&rest);
    if (*first != '\0' && (!ParseNumber(first, &runs) || runs == 0)) {
      Print("e-[Inference iterations must be >0]\r\n");
    } else if (*second != '\0' && !ParseNumber(second, &warm_ups)) {
      Print("e-[Inference warmup must be >=0]\r\n");
    } else {
      Infer(runs, warm_ups);
    }
  } else if (strcmp(word, "results") == 0) {
    Results();
  } else {
    Print("e-[Unknown command: ");
    Print(word);
    Print("]\r\n");
  }
}

void MlperfTiny::Load(const char* word) {
  uint32_t bytes = 0;
  if (!ParseNumber(word, &bytes) || bytes == 0) {
    Print("e-[Command 'db load' requires the # of bytes]\r\n");
  } else if (!loaded_ || bytes != classifier_.model().inputs.bytes() ||
             bytes > memory_.input_bytes) {
    Print("e-[This model takes ");
    Print(loaded_ ? static_cast<uint32_t>(classifier_.model().inputs.bytes()) : 0);
    Print(" bytes]\r\n");
  } else {
    expected_bytes_ = bytes;
    loaded_bytes_ = 0;
    Print("m-[Expecting ");
    Print(bytes);
    Print(" bytes]\r\n");
  }
}

// Of one int8 input each byte is 128 more than the value: the pixel itself, where the input spans
// black to white. Of other inputs the bytes are those of the buffer.
void MlperfTiny::Hex(const char* digits) {
  if (strlen(digits) % 2 != 0) {
    Print("e-[Insufficent number of hex digits]\r\n");
    return;
  }
  if (expected_bytes_ == 0) {
    Print("e-[No input loaded: 'db load' comes first]\r\n");
    return;
  }
  const Tensors& inputs = classifier_.model().inputs;
  const bool is_int8 = inputs.count == 1 && ElementBytes(inputs.list[0].type) == 1;
  const int black = is_int8 ? 128 : 0;
  for (; *digits != '\0' && loaded_bytes_ < expected_bytes_; digits += 2) {
    const int high = HexDigit(digits[0]), low = HexDigit(digits[1]);
    if (high < 0 || low < 0) {
      Print("e-[Invalid hex digit]\r\n");
      return;
    }
    memory_.input[loaded_bytes_++] = static_cast<int8_t>(high * 16 + low - black);
    if (loaded_bytes_ == expected_bytes_) Print("m-load-done\r\n");
  }
}

void MlperfTiny::Infer(uint32_t runs, uint32_t warm_ups) {
  if (!loaded_ || expected_bytes_ == 0 || loaded_bytes_ < expected_bytes_) {
    Print(loaded_ ? "e-[No input loaded]\r\n" : "e-[No model]\r\n");
    return;
  }
  Print("m-warmup-start-");
  Print(warm_ups);
  Print("\r\n");
  Status status;
  for (; warm_ups != 0 && status.ok(); --warm_ups) status = Once();
  Print("m-warmup-done\r\nm-infer-start-");
  Print(runs);
  Print("\r\n");
  Lap();
  for (; runs != 0 && status.ok(); --runs) status = Once();
  Lap();
  Print("m-infer-done\r\n");
  ran_ = status.ok();
  if (ran_) {
    Results();
  } else {
    Print("e-[Inference failed]\r\n");
  }
}

Status MlperfTiny::Once() {
  const Status status = classifier_.Reset();
  return status.ok() ? classifier_.Run(memory_.input, memory_.outputs) : status;
}

// "m-results-[-1.250,0.992]"
void MlperfTiny::Results() {
  if (!ran_) {
    Print("e-[No results]\r\n");
    return;
  }
  const Tensors& outputs = classifier_.model().outputs;
  Print("m-results-[");
  for (size_t number = 0; number < outputs.count; ++number) {
    const wire::Tensor& tensor = outputs.list[number];
    const int8_t* values = memory_.outputs + outputs.offset(number);
    const size_t bytes = ElementBytes(tensor.type);
    for (size_t i = 0; i < Elements(tensor); ++i) {
      if (number + i != 0) Print(",");
      PrintReal(int64_t{Element(values + i * bytes, bytes)} - tensor.zero_point, tensor.scale_bits);
    }
  }
  Print("]\r\n");
}

// Three decimals in integer arithmetic, rounded half away from zero; what is above 32 bits as the
// greatest number that they hold.
void MlperfTiny::PrintReal(int64_t steps, uint32_t scale_bits) {
  const uint64_t size = static_cast<uint64_t>(steps < 0 ? -steps : steps);
  const uint64_t thousandths = Thousandths(size, scale_bits);
  const uint32_t whole = static_cast<uint32_t>(thousandths / 1000);
  const uint32_t part = static_cast<uint32_t>(thousandths % 1000);
  if (steps < 0 && thousandths != 0) Print("-");
  Print(whole);
  Print(part < 10 ? ".00" : part < 100 ? ".0" : ".");
  Print(part);
}

void MlperfTiny::Lap() {
  Print("m-lap-us-");
  Print(static_cast<uint32_t>(clock_.NowUs()));
  Print("\r\n");
}

void MlperfTiny::Print(const char* text) {
  stream_.Write(reinterpret_cast<const uint8_t*>(text), strlen(text));
}

void MlperfTiny::Print(uint32_t number) {
  char digits[11];
  char* p = digits + sizeof(digits) - 1;
  *p = '\0';
  do {
    *--p = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  Print(p);
}

void MlperfTiny::PrintHex(const uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const char digits[3] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15],
                            0};
    Print(digits);
  }
}

}  // namespace edgekit
