// What TFLM asks of its surroundings.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/micro_time.h"

extern "C" void DebugLog(const char*, va_list) {}
extern "C" int DebugVsnprintf(char* buffer, size_t bytes, const char*, va_list) {
  if (bytes != 0) buffer[0] = '\0';
  return 0;
}
extern "C" int printf(const char*, ...) { return 0; }  // of ESP-NN's, where it lacks memory
namespace tflite {
uint32_t ticks_per_second() { return 0; }
uint32_t GetCurrentTimeTicks() { return 0; }
}  // namespace tflite

// Nothing is allocated: a virtual destructor refers to it.
void operator delete(void*) noexcept {}
void operator delete(void*, size_t) noexcept {}
extern "C" [[noreturn]] void abort() {
  for (;;) __asm__ volatile("ill");  // ends QEMU with 128
}
extern "C" [[noreturn]] void __assert_func(const char*, int, const char*, const char*) { abort(); }
extern "C" int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
extern "C" void* __dso_handle = nullptr;
