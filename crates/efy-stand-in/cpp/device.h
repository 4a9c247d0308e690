// The devices: how many there are, which is current, streams that do nothing, and memory that is counted.
#pragma once
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <array>
#include <cstring>
#include "counts.h"

namespace stand_in {

constexpr int MOST_DEVICES = 8;

inline int devices() {
  static const int count = [] {
    const char* text = std::getenv("EFY_STAND_IN_DEVICES");
    return std::clamp(text ? std::atoi(text) : 1, 1, MOST_DEVICES);
  }();
  return count;
}

inline c10::DeviceIndex& current() {
  static thread_local c10::DeviceIndex current = 0;
  return current;
}

inline c10::Device device(c10::DeviceIndex index) {
  TORCH_CHECK(index < devices(), "CUDA error: invalid device ordinal");
  return c10::Device(c10::kCUDA, index < 0 ? current() : index);
}

struct Block {
  void* memory;
  size_t bytes;
  int device;
};

// Whole blocks of 512 bytes, as libtorch's allocator for CUDA counts them. What nobody has written is NaN, or -1: every
// byte is 0xFF.
struct Memory final : c10::Allocator {
  c10::DeviceIndex index = 0;
  c10::DataPtr allocate(size_t n) override {
    if (n == 0) return {nullptr, c10::Device(c10::kCUDA, index)};
    const size_t bytes = (n + 511) / 512 * 512;
    void* memory = nullptr;
    TORCH_CHECK_WITH(OutOfMemoryError, posix_memalign(&memory, 512, bytes) == 0, "CUDA out of memory. Tried to allocate ", bytes, " bytes");
    std::memset(memory, 0xFF, bytes);
    resized(index, long(bytes));
    return {memory, new Block{memory, bytes, index}, &release, c10::Device(c10::kCUDA, index)};
  }
  static void release(void* context) {
    Block* block = static_cast<Block*>(context);
    resized(block->device, -long(block->bytes));
    std::free(block->memory);
    delete block;
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t n) const override { default_copy_data(to, from, n); }
};

inline Memory& memory(const c10::Device& device) {
  static auto* all = [] {
    auto* all = new std::array<Memory, MOST_DEVICES>;
    for (int i = 0; i < MOST_DEVICES; ++i) (*all)[i].index = c10::DeviceIndex(i);
    return all;
  }();
  return (*all)[device.index()];
}

// Host memory that a GPU can read by itself. Copies from and to it need not wait.
struct Pinned final : c10::Allocator {
  std::mutex mutex;
  std::map<const char*, size_t> blocks;
  c10::DataPtr allocate(size_t n) override {
    if (n == 0) return {nullptr, c10::Device(c10::kCPU)};
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, n)) throw std::bad_alloc();
    std::lock_guard<std::mutex> lock(mutex);
    blocks[static_cast<char*>(memory)] = n;
    return {memory, memory, &release, c10::Device(c10::kCPU)};
  }
  static void release(void* memory);
  bool holds(const void* data) {
    std::lock_guard<std::mutex> lock(mutex);
    const char* at = static_cast<const char*>(data);
    auto after = blocks.upper_bound(at);
    if (after == blocks.begin()) return false;
    auto block = std::prev(after);
    return at < block->first + block->second;
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t n) const override { default_copy_data(to, from, n); }
};

inline Pinned& pinned() {
  static Pinned* pinned = new Pinned;
  return *pinned;
}

inline void Pinned::release(void* memory) {
  {
    std::lock_guard<std::mutex> lock(pinned().mutex);
    pinned().blocks.erase(static_cast<char*>(memory));
  }
  std::free(memory);
}

inline void waited(const char* what) {
  Event event{what};
  event.syncs = 1;
  record(event, {});
}

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device next) const override {
    const c10::Device before(c10::kCUDA, current());
    current() = device(next.index()).index();
    return before;
  }
  c10::Device getDevice() const override { return c10::Device(c10::kCUDA, current()); }
  void setDevice(c10::Device next) const override { current() = device(next.index()).index(); }
  void uncheckedSetDevice(c10::Device next) const noexcept override { current() = next.index(); }
  c10::Stream getStream(c10::Device d) const override { return c10::Stream(c10::Stream::DEFAULT, device(d.index())); }
  c10::Stream getDefaultStream(c10::Device d) const override { return getStream(d); }
  c10::Stream getNewStream(c10::Device d, int) const override { return getStream(d); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return c10::DeviceIndex(devices()); }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override { waited("synchronize_stream"); }
  void synchronizeEvent(void*) const override { waited("synchronize_event"); }
  void synchronizeDevice(const c10::DeviceIndex) const override { waited("synchronize_device"); }
  void recordDataPtrOnStream(const c10::DataPtr&, const c10::Stream&) const override {}
};

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void init() const override {}
  const at::Generator& getDefaultGenerator(at::DeviceIndex) const override { return at::detail::getDefaultCPUGenerator(); }
  bool isPinnedPtr(const void* data) const override { return pinned().holds(data); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned(); }
  bool hasCUDA() const override { return true; }
  bool hasCUDART() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  void setCurrentDevice(at::DeviceIndex next) const override { current() = device(next).index(); }
  at::DeviceIndex getCurrentDevice() const override { return current(); }
  at::DeviceIndex exchangeDevice(at::DeviceIndex next) const override {
    const at::DeviceIndex before = current();
    current() = device(next).index();
    return before;
  }
  at::DeviceIndex maybeExchangeDevice(at::DeviceIndex next) const override { return exchangeDevice(next); }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  at::DeviceIndex current_device() const override { return current(); }
  at::DeviceIndex deviceCount() const override { return at::DeviceIndex(devices()); }
  int getNumGPUs() const override { return devices(); }
  void deviceSynchronize(at::DeviceIndex) const override { waited("synchronize_device"); }
};

}  // namespace stand_in
