/* What a contender brings to main.c: one model that runs on the emulated board. */
#ifndef EDGEKIT_BENCH_H_
#define EDGEKIT_BENCH_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes ready; returns the bytes of working memory, or a negative number where the model does not run. */
int32_t bench_setup(void);
/* Runs the model once; 0 where it went well. */
int32_t bench_run(const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
