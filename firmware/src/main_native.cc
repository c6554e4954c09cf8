// The board that is this computer: a TCP port in place of the serial line, a file in place of the
// model partition. `firmware [PORT [FILE]]` (port 0 lets the system choose); it prints the port,
// serves one client after the other, and ends on end of input or a signal.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/description.h"
#include "classifier_aot/aot_classifier.h"

#ifndef EDGEKIT_BUILD_ID
#define EDGEKIT_BUILD_ID "dev"
#endif

namespace {

class TcpStream final : public edgekit::ByteStream {
 public:
  explicit TcpStream(int listener) : listener_(listener) {}

  // A board starts when someone opens its port, and nothing that it sends from then on is lost.
  void WaitForClient() {
    while (client_ < 0) Read(nullptr, 0, 1000000);
  }

  size_t Read(uint8_t* out, size_t capacity, uint32_t wait_us) override {
    pollfd ready = {client_ < 0 ? listener_ : client_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(wait_us / 1000)) <= 0) return 0;
    if (client_ < 0) {
      client_ = accept(listener_, nullptr, nullptr);
      const int on = 1;
      setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return 0;
    }
    const ssize_t count = recv(client_, out, capacity, 0);
    if (count > 0) return static_cast<size_t>(count);
    close(client_);
    client_ = -1;
    return 0;
  }

  void Write(const uint8_t* data, size_t bytes) override {
    while (bytes != 0 && client_ >= 0) {
      const ssize_t count = send(client_, data, bytes, MSG_NOSIGNAL);
      if (count <= 0) return;  // the next Read finds the client gone
      data += count;
      bytes -= static_cast<size_t>(count);
    }
  }

  // TCP has no rate: every rate works. Kept so that the negotiation runs on this board too.
  bool SetBaud(uint32_t baud) override {
    baud_ = baud;
    return true;
  }
  uint32_t baud() const override { return baud_; }

 private:
  const int listener_;
  int client_ = -1;
  uint32_t baud_ = 115200;
};

class MonotonicClock final : public edgekit::Clock {
 public:
  uint64_t NowUs() override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
  }
#if EDGEKIT_PROFILE
  uint32_t Ticks() override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint32_t>(now.tv_sec) * 1000000000u + static_cast<uint32_t>(now.tv_nsec);
  }
  uint32_t tick_hz() const override { return 1000000000; }
#endif
};

alignas(16) int8_t images[2][edgekit::kModel.inputs.room()];
alignas(16) int8_t outputs[3][edgekit::kModel.outputs.room()];

// As in a board's image: tests read it out of this program.
constexpr __attribute__((used)) edgekit::wire::FirmwareDescription description =
    edgekit::Description(edgekit::wire::Backend::kAot);

edgekit::Partition ModelPartition(const char* path) {
  const int file = open(path, O_RDONLY);
  struct stat about = {};
  if (file < 0 || fstat(file, &about) != 0) return {};
  const size_t bytes = static_cast<size_t>(about.st_size);
  void* const data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (data == MAP_FAILED) return {};
  return {static_cast<const uint8_t*>(data), bytes};
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(argc > 1 ? atoi(argv[1]) : 0));
  socklen_t length = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    perror("firmware");
    return 1;
  }
  printf("socket://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  TcpStream stream(listener);
  MonotonicClock clock;
  edgekit::AotClassifier classifier;
  const edgekit::BoardInfo board = {
      edgekit::wire::BoardKind::kNative, "native", EDGEKIT_BUILD_ID, 0, 0, 0, 1u << 20, 4000000};
  const edgekit::Memory memory = {{images[0], images[1]},
                                  edgekit::kModel.inputs.bytes(),
                                  {outputs[0], outputs[1], outputs[2]},
                                  edgekit::kModel.outputs.bytes()};
  const edgekit::Partition partition = argc > 2 ? ModelPartition(argv[2]) : edgekit::Partition{};
  const edgekit::Loaded loaded = edgekit::LoadModel(classifier, partition, memory);
  static edgekit::App app(stream, clock, classifier, board, memory);
  stream.WaitForClient();
  app.Start(loaded);
  for (;;) app.Poll();
}
