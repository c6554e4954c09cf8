// Reads a stream from standard input and prints what the firmware's decoder makes of it: a line a
// frame (version type seq payload in hex), then the number of dropped runs.
#include <stdio.h>

#include "wire/frame.h"

int main() {
  edgekit::wire::Decoder decoder;
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    if (!decoder.Push(static_cast<uint8_t>(byte))) continue;
    const edgekit::wire::Frame& frame = decoder.frame();
    printf("%d %d %d ", frame.version, frame.type, frame.seq);
    for (size_t i = 0; i < frame.payload_bytes; ++i) printf("%02x", frame.payload[i]);
    printf("\n");
  }
  printf("dropped %u\n", decoder.dropped());
}
