// Runs the models before it (native_c.py). ENTRIES: their functions and sizes.
// stdin: a model's index and a count in decimal, then as many inputs; again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  void (*invoke)(const int8_t *, int8_t *, void *);
  size_t in, out, arena;
} entry;

static const entry entries[] = {ENTRIES};

int main(void) {
  int index, count;
  while (scanf("%d %d", &index, &count) == 2) {
    const entry *e = &entries[index];
    getchar();
    // Exact sizes on the heap: the address sanitizer sees a byte too far.
    int8_t *in = malloc(e->in), *out = malloc(e->out);
    unsigned char *arena = malloc(e->arena);
    for (int i = 0; i < count; ++i) {
      for (size_t j = 0; j < e->arena; ++j) arena[j] = (unsigned char)(j * 37 + 11);
      if (fread(in, 1, e->in, stdin) != e->in) return 3;
      e->invoke(in, out, arena);
      fwrite(out, 1, e->out, stdout);
    }
    free(in);
    free(out);
    free(arena);
  }
  return 0;
}
