// The other core's share of a model that `edgekit compile --target esp32` wrote. No test compiles
// this file: it needs Espressif's toolchain (firmware/README.md says where it ran). The division of
// the work itself is tested on the desktop with threads.
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

namespace {

using Work = void (*)(const void*, int32_t);

struct {
  Work work;
  const void* job;
  TaskHandle_t waits;
} shared;

// Notifications are memory barriers between the cores; each side sleeps until the other is done.
void Serve(void*) {
  for (;;) {
    ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
    shared.work(shared.job, 1);
    xTaskNotifyGive(shared.waits);
  }
}

}  // namespace

// app_main's task is pinned to core 0 (CONFIG_ESP_MAIN_TASK_AFFINITY_CPU0, the default).
extern "C" void model_pair(Work work, const void* job) {
#if configNUMBER_OF_CORES < 2  // the environments for one core
  work(job, 0);
  work(job, 1);
#else
  static TaskHandle_t other = nullptr;
  if (other == nullptr) {
    constexpr uint32_t kStackBytes = 3072;
    if (xTaskCreatePinnedToCore(Serve, "edgekit", kStackBytes, nullptr, configMAX_PRIORITIES - 2,
                                &other, 1) != pdPASS) {
      other = nullptr;  // no memory: this core does both shares
      work(job, 0);
      work(job, 1);
      return;
    }
  }
  shared = {work, job, xTaskGetCurrentTaskHandle()};
  xTaskNotifyGive(other);
  work(job, 0);
  ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
#endif
}
