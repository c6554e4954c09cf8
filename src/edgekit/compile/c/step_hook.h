#pragma once
#include <stdint.h>

/* Yours to define: called with i before operator i works, more than once where operators take turns,
 * and with STEPS at the end. */
void STEP(int32_t step);
