#pragma once
#include "preamble.h"

/* 1 where the core has MAC16 and hardware loops: the classic ESP32. The other way gives the same results. */
#ifndef EDGEKIT_MAC16
#if defined(__XTENSA__) && defined(ESP_PLATFORM)
#include <xtensa/config/core-isa.h>
#define EDGEKIT_MAC16 (XCHAL_HAVE_MAC16 && XCHAL_HAVE_LOOPS)
#else
#define EDGEKIT_MAC16 0
#endif
#endif
