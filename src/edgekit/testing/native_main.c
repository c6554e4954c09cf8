// Runs the models before it (native_c.py). ENTRIES: their functions and sizes.
// stdin: a model's index and a count in decimal, then as many times the bytes of all inputs; again.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 };

typedef struct {
  void (*call)(void *const *, void *const *, void *);
  void (*start)(void);     // of a sequence of runs
  const size_t *in, *out;  // bytes of each input and output, then 0
  size_t arena;
} entry;

static const entry entries[] = {ENTRIES};

// Exact sizes on the heap: the address sanitizer sees a byte too far.
static void allocate(const size_t *sizes, void **pointers) {
  for (int i = 0; sizes[i]; ++i) pointers[i] = malloc(sizes[i]);
}

static void release(const size_t *sizes, void **pointers) {
  for (int i = 0; sizes[i]; ++i) free(pointers[i]);
}

int main(void) {
  int index, count;
  while (scanf("%d %d", &index, &count) == 2) {
    const entry *e = &entries[index];
    void *in[MOST], *out[MOST];
    unsigned char *arena = malloc(e->arena);
    getchar();
    allocate(e->in, in);
    allocate(e->out, out);
    e->start();
    for (int i = 0; i < count; ++i) {
      for (size_t j = 0; j < e->arena; ++j) arena[j] = (unsigned char)(j * 37 + 11);
      for (int k = 0; e->in[k]; ++k) {
        if (fread(in[k], 1, e->in[k], stdin) != e->in[k]) return 3;
      }
      e->call(in, out, arena);
      for (int k = 0; e->out[k]; ++k) fwrite(out[k], 1, e->out[k], stdout);
    }
    release(e->in, in);
    release(e->out, out);
    free(arena);
  }
  return 0;
}
