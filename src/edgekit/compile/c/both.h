#pragma once
#include "pair_hook.h"
#include "preamble.h"

static void both(void (*part)(const void *, int32_t), const void *job) {
#if defined(EDGEKIT_TWO_CORES) && EDGEKIT_TWO_CORES
  PAIR(part, job);
#else
  part(job, 0);
  part(job, 1);
#endif
}
