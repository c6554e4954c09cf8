#pragma once
#include <stdint.h>

/* With -DEDGEKIT_TWO_CORES=1 two cores share the work and this is yours to define: it calls work(job, 0) and
 * work(job, 1), side by side, and returns when both are done. */
#if defined(EDGEKIT_TWO_CORES) && EDGEKIT_TWO_CORES
void PAIR(void (*work)(const void *job, int32_t part), const void *job);
#endif
