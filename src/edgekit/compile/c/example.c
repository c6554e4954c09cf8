/* `example IMAGE.raw ...`: runs the model on files of NET_INPUT_BYTES raw bytes, prints the outputs. */
#include <stdio.h>

#include "net.h"

#include EXAMPLE_VALUE

/* Working memory, with room to begin at a multiple of 16 bytes: C99 has no word for that. */
static unsigned char arena[NET_ARENA_BYTES + 15];
static int8_t input[NET_INPUT_BYTES];
static int8_t output[NET_OUTPUT_BYTES];

static int run(const char *path) {
  FILE *file = fopen(path, "rb");
  long count = 0;
  int byte;
  if (file == NULL) {
    fprintf(stderr, "%s cannot be opened.\n", path);
    return 1;
  }
  while ((byte = fgetc(file)) != EOF) {
    if (count < NET_INPUT_BYTES) input[count] = value_of(byte);
    ++count;
  }
  fclose(file);
  if (count != NET_INPUT_BYTES) {
    fprintf(stderr, "%s has %ld bytes; the model takes %d.\n", path, count, NET_INPUT_BYTES);
    return 1;
  }
  net_invoke(input, output, arena + (-(uintptr_t)arena & 15));
  printf("%s:", path);
  for (int i = 0; i < NET_OUTPUT_BYTES; ++i) {
    printf(" %d (%g)", output[i], NET_OUTPUT_SCALE * (output[i] - NET_OUTPUT_ZERO_POINT));
  }
  printf("\n");
  return 0;
}

int main(int argc, char **argv) {
  int failed = argc < 2;
  if (failed) fprintf(stderr, "usage: %s IMAGE.raw ...\n", argc > 0 ? argv[0] : "example");
  for (int i = 1; i < argc; ++i) failed |= run(argv[i]);
  return failed;
}
