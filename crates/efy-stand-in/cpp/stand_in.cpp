// A strict stand-in for CUDA, for machines without a GPU. Preloaded into a program that uses libtorch and has not loaded
// libtorch_cuda, it answers for the device type CUDA: tensors lie in host memory and are tagged `cuda:N`, operators run on the
// CPU kernels, an operator that mixes devices fails as on a GPU, and launches, waits and copies are counted by phase.
//
//   EFY_STAND_IN_REPORT=FILE   counts as JSON, at exit
//   EFY_STAND_IN_STEPS=FILE    the same at the beginning of each phase `step`, a line each, appended
//   EFY_STAND_IN_TRACE=FILE    a line for each operator and copy, appended: phase, name, what it costs, tensors
//   EFY_STAND_IN_DEVICES=N     how many devices there are; 1
#include <ATen/EmptyTensor.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_as_complex_native.h>
#include <ATen/ops/view_as_real_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>
#include "judge.h"

extern "C" {
// A program says where it is; what is counted until it leaves again is counted there.
__attribute__((visibility("default"))) void efy_stand_in_enter(const char* name) { stand_in::enter(name); }
__attribute__((visibility("default"))) void efy_stand_in_leave() { stand_in::leave(); }
}

namespace {
using namespace stand_in;

const Report report;
const c10::DispatchKeySet keys(c10::DispatchKey::CUDA);

c10::Device on(const std::optional<c10::Device>& asked) { return device(asked ? asked->index() : -1); }

at::Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                               std::optional<at::Device> asked, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(on(asked)), keys, c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                         std::optional<at::Device> asked, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory(on(asked)), keys, c10::dtype_or_default(dtype));
}

// A CPU tensor over the same memory.
at::Tensor host_view(const at::Tensor& t) {
  if (!t.defined() || t.is_cpu()) return t;
  return at::from_blob(t.data_ptr(), t.sizes(), t.strides(), t.options().device(at::kCPU).requires_grad(false));
}

// A copy waits unless it is told not to and the memory on the host is pinned: pageable memory goes through a buffer of the
// driver, for which the host has to stay.
void count_copy(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (to.numel() == 0 || quiet()) return;
  Event event{"aten::copy_"};
  if (from.is_cuda() && to.is_cuda()) {
    event.d2d = event.launches = 1;
  } else {
    const bool is_pinned = pinned().holds((from.is_cuda() ? to : from).data_ptr());
    (from.is_cuda() ? event.d2h : is_pinned ? event.h2d_pinned : event.h2d) = 1;
    event.syncs = !(non_blocking && is_pinned);
  }
  record(event, {to, from});
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  count_copy(from, to, non_blocking);
  at::Tensor target = host_view(to);
  target.copy_(host_view(from));
  return to;
}

at::Tensor& copy_(at::Tensor& to, const at::Tensor& from, bool non_blocking) {
  if (!to.is_same(from)) copy_from(from, to, non_blocking);
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return copy_from(from, to, false);
}

const at::Tensor& resize_(const at::Tensor& self, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const size_t needed = at::detail::computeStorageNbytesContiguous(size, self.dtype().itemsize(), self.storage_offset());
  if (needed > self.storage().nbytes()) {
    auto* storage = self.storage().unsafeGetStorageImpl();
    c10::DataPtr larger = memory(self.device()).allocate(needed);
    if (storage->nbytes()) std::memcpy(larger.get(), storage->data(), storage->nbytes());
    storage->set_data_ptr_noswap(std::move(larger));
    storage->set_nbytes(needed);
  }
  self.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return self;
}

at::Scalar local_scalar_dense(const at::Tensor& self) {
  Event event{"aten::_local_scalar_dense"};
  event.syncs = event.d2h = 1;
  record(event, {self});
  return at::_local_scalar_dense(host_view(self));
}

// Not through the fallback, which gives tensors back and no `bool`s from devices.
bool equal(const at::Tensor& a, const at::Tensor& b) {
  TORCH_CHECK(a.device() == b.device(), "Expected all tensors to be on the same device, but found at least two devices, ", a.device(), " and ",
              b.device(), "! (aten::equal)");
  Event event{"aten::equal"};
  event.launches = event.syncs = event.d2h = 1;
  record(event, {a, b});
  return at::equal(host_view(a), host_view(b));
}

// Every other operator: one launch, on the CPU kernel.
void launch(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const std::string name = short_name(schema);
  const auto values = torch::jit::last(*stack, schema.arguments().size());
  std::vector<at::Tensor> tensors;
  Event event{schema.name()};
  event.h2d = judge(name, schema, values, tensors);
  event.launches = 1;
  event.syncs = event.h2d + waits(name, schema, values);
  record(event, tensors);
  struct Quiet {
    bool before = quiet();
    Quiet() { quiet() = true; }
    ~Quiet() { quiet() = before; }
  } guard;
  at::native::cpu_fallback(op, stack);
}

// Operators that libtorch composes of others unless a device has a kernel of its own, as CUDA has.
bool has_a_kernel_on_cuda(const std::string& name) {
  static const Names names{"_chunk_cat", "_fused_rms_norm", "addr", "convolution_backward", "linalg__powsum", "mish_backward", "native_group_norm",
    "native_layer_norm", "split_with_sizes_copy"};
  return names.count(name) != 0;
}

}  // namespace

namespace stand_in {
C10_REGISTER_GUARD_IMPL(CUDA, Guard)
}
namespace at {
using StandInHooks = stand_in::Hooks;
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, StandInHooks)
}

TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&launch>()); }

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", TORCH_FN(empty_memory_format));
  m.impl("empty_strided", TORCH_FN(empty_strided));
  // Views: other sizes and strides over the same memory, and nothing to do.
  m.impl("as_strided", TORCH_FN(at::native::as_strided_tensorimpl));
  m.impl("view", TORCH_FN(at::native::view));
  m.impl("_reshape_alias", TORCH_FN(at::native::_reshape_alias));
  m.impl("unfold", TORCH_FN(at::native::unfold));
  m.impl("view_as_real", TORCH_FN(at::native::view_as_real));
  m.impl("view_as_complex", TORCH_FN(at::native::view_as_complex));
  m.impl("_copy_from", TORCH_FN(copy_from));
  m.impl("_copy_from_and_resize", TORCH_FN(copy_from_and_resize));
  m.impl("copy_", TORCH_FN(copy_));
  m.impl("resize_", TORCH_FN(resize_));
  m.impl("_local_scalar_dense", TORCH_FN(local_scalar_dense));
  m.impl("equal", TORCH_FN(equal));
  for (const c10::OperatorName& op : c10::Dispatcher::singleton().getAllOpNames()) {
    const std::string& name = op.name;
    const bool fused = name.rfind("aten::_foreach_", 0) == 0 && op.overload_name.find("out") == std::string::npos;
    if (fused || (name.rfind("aten::", 0) == 0 && has_a_kernel_on_cuda(name.substr(6)))) {
      const std::string full = op.overload_name.empty() ? name : name + "." + op.overload_name;
      m.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&launch>());
    }
  }
}
