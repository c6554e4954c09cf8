// The ESP32 under ESP-IDF: UART0, which boards lead to their USB serial chip.
// No test compiles this file: it needs Espressif's toolchain. firmware/README.md says when it was
// built and where it ran.
#include "app/app.h"
#include "app/description.h"
#include "driver/uart.h"
#include "esp_app_desc.h"
#include "esp_cpu.h"
#include "esp_efuse.h"
#include "esp_efuse_table.h"
#include "esp_heap_caps.h"
#include "esp_image_format.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "esp_rom_sys.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#ifdef EDGEKIT_AOT
#include "classifier_aot/aot_classifier.h"
#else
#include "classifier_tflm/tflm_classifier.h"
#endif

extern "C" {
extern int _data_start, _bss_end;
}

namespace {

constexpr uart_port_t kPort = UART_NUM_0;
constexpr uint32_t kFirstBaud = 115200;  // the rate of the boot log; faster ones are negotiated
// The driver's interrupt fills it while the model runs; it holds one framed 96x96 image and its
// INFER.
constexpr int kReceiveBytes = 12 * 1024;

class Uart final : public edgekit::ByteStream {
 public:
  void Start() {
    uart_config_t config = {};
    config.baud_rate = kFirstBaud;
    config.data_bits = UART_DATA_8_BITS;
    config.parity = UART_PARITY_DISABLE;
    config.stop_bits = UART_STOP_BITS_1;
    config.flow_ctrl = UART_HW_FLOWCTRL_DISABLE;
    config.source_clk = UART_SCLK_DEFAULT;
    ESP_ERROR_CHECK(uart_driver_install(kPort, kReceiveBytes, 0, 0, nullptr, 0));
    ESP_ERROR_CHECK(uart_param_config(kPort, &config));
  }

  size_t Read(uint8_t* out, size_t capacity, uint32_t wait_us) override {
    int count = uart_read_bytes(kPort, out, 1, pdMS_TO_TICKS(wait_us / 1000));
    if (count <= 0) return 0;
    size_t waiting = 0;
    uart_get_buffered_data_len(kPort, &waiting);
    if (waiting > capacity - 1) waiting = capacity - 1;
    if (waiting != 0) {
      const int more = uart_read_bytes(kPort, out + 1, waiting, 0);
      if (more > 0) count += more;
    }
    return static_cast<size_t>(count);
  }

  void Write(const uint8_t* data, size_t bytes) override { uart_write_bytes(kPort, data, bytes); }

  bool SetBaud(uint32_t baud) override {
    uart_wait_tx_done(kPort, pdMS_TO_TICKS(500));
    if (uart_set_baudrate(kPort, baud) != ESP_OK) return false;
    baud_ = baud;
    return true;
  }
  uint32_t baud() const override { return baud_; }

 private:
  uint32_t baud_ = kFirstBaud;
};

class TimerClock final : public edgekit::Clock {
 public:
  uint64_t NowUs() override { return static_cast<uint64_t>(esp_timer_get_time()); }
#if EDGEKIT_PROFILE
  uint32_t Ticks() override { return esp_cpu_get_cycle_count(); }
  uint32_t tick_hz() const override { return esp_rom_get_cpu_ticks_per_us() * 1000000; }
#endif
};

// Every chip was given a MAC address; the eFuses of Espressif's QEMU hold zeros. (A wrong CRC is no
// sign: some makers of boards burned none.)
bool IsEmulated() {
  uint8_t mac[6] = {};
  if (esp_efuse_read_field_blob(ESP_EFUSE_MAC_FACTORY, mac, 8 * sizeof(mac)) != ESP_OK)
    return false;
  for (const uint8_t byte : mac) {
    if (byte != 0) return false;
  }
  return true;
}

uint32_t FlashBytes() {
  const esp_partition_t* app = esp_ota_get_running_partition();
  const esp_partition_pos_t position = {app->address, app->size};
  esp_image_metadata_t image = {};
  return esp_image_get_metadata(&position, &image) == ESP_OK ? image.image_len : 0;
}

// Static data, and the most of the heap that was ever in use.
uint32_t RamBytes() {
  const size_t heap = heap_caps_get_total_size(MALLOC_CAP_8BIT);
  const size_t used = heap - heap_caps_get_minimum_free_size(MALLOC_CAP_8BIT);
  return static_cast<uint32_t>(reinterpret_cast<char*>(&_bss_end) -
                               reinterpret_cast<char*>(&_data_start) + used);
}

alignas(16) int8_t images[2][edgekit::kModel.inputs.room()];
alignas(16) int8_t outputs[3][edgekit::kModel.outputs.room()];

#ifdef EDGEKIT_AOT
using Backend = edgekit::AotClassifier;
constexpr edgekit::wire::Backend kBackend = edgekit::wire::Backend::kAot;
#else
using Backend = edgekit::TflmClassifier;
constexpr edgekit::wire::Backend kBackend = edgekit::wire::Backend::kTflmEspNn;
#endif

// partitions.csv has it; a board with another table has none. It stays mapped.
edgekit::Partition ModelPartition() {
  constexpr auto kType = static_cast<esp_partition_type_t>(0x40);
  constexpr auto kSubtype = static_cast<esp_partition_subtype_t>(0);
  const esp_partition_t* const found = esp_partition_find_first(kType, kSubtype, "model");
  const void* data = nullptr;
  esp_partition_mmap_handle_t handle;
  if (found == nullptr ||
      esp_partition_mmap(found, 0, found->size, ESP_PARTITION_MMAP_DATA, &data, &handle) != ESP_OK)
    return {};
  return {static_cast<const uint8_t*>(data), found->size};
}

}  // namespace

// ESP-IDF's linker script puts it at a fixed place of the image (src/CMakeLists.txt keeps it).
extern "C" {
extern const edgekit::wire::FirmwareDescription custom_app_desc;
const __attribute__((section(".rodata_custom_desc")))
edgekit::wire::FirmwareDescription custom_app_desc = edgekit::Description(kBackend);
}

extern "C" void app_main() {
  esp_log_level_set("*", ESP_LOG_NONE);  // the line belongs to the protocol from here on
  static Uart uart;
  static TimerClock clock;
  static Backend classifier;
  uart.Start();
  static char build_id[17];  // the beginning of the ELF file's SHA-256: another for every build
  esp_app_get_elf_sha256(build_id, sizeof(build_id));
  const edgekit::Memory memory = {{images[0], images[1]},
                                  edgekit::kModel.inputs.bytes(),
                                  {outputs[0], outputs[1], outputs[2]},
                                  edgekit::kModel.outputs.bytes()};
  // before the figures are taken: the arena is part of them
  const edgekit::Loaded loaded = edgekit::LoadModel(classifier, ModelPartition(), memory);
  const bool emulated = IsEmulated();
  const uint32_t clock_hz = esp_rom_get_cpu_ticks_per_us() * 1000000;
  const edgekit::BoardInfo board = {
      emulated ? edgekit::wire::BoardKind::kEmulated : edgekit::wire::BoardKind::kReal,
      "esp32",
      build_id,
      RamBytes(),
      FlashBytes(),
      emulated ? 0 : clock_hz,  // QEMU's is the computer's, and says nothing
      kReceiveBytes - 1024,
      921600,  // what CP210x and CH340 chips carry over an ordinary cable
  };
  static edgekit::App app(uart, clock, classifier, board, memory);
  app.Start(loaded);
  for (;;) app.Poll();
}
