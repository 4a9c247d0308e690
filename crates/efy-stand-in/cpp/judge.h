// What a real GPU would refuse, and what it would make the host wait for.
#pragma once
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <set>
#include "device.h"

namespace stand_in {

using Names = std::set<std::string>;

inline std::string short_name(const c10::FunctionSchema& schema) {
  const std::string& name = schema.name();
  return name.rfind("aten::", 0) == 0 ? name.substr(6) : name;
}

// Indexing with tensors, where indices may lie on the host: they are copied first, and masks are made into indices. What
// libtorch does for that before it gets to the device shows by itself, for `index` all of it.
inline bool takes_host_indices(const std::string& name) { return name == "index" || name == "_index_put_impl_"; }

// Operators that take a zero-dimensional host tensor among device tensors as a number. Everything else wants all of its
// tensors on the device; pointwise operators, which are the rest, are checked by libtorch itself where they build a
// TensorIterator without `out`.
inline bool refuses_host_scalars(const std::string& name) {
  static const Names names{"addbmm", "addmm", "addmm_", "addmv", "addmv_", "addr", "baddbmm", "baddbmm_", "bmm", "cat", "cummax",
    "cumsum", "dot", "embedding", "gather", "index_add", "index_add_", "index_copy", "index_copy_", "index_select", "mm", "mv", "put_",
    "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "searchsorted", "sort", "take", "topk",
    "vdot"};
  return names.count(name) != 0;
}

// CPU kernels alone, in libtorch's table of operators.
inline bool has_no_cuda_kernel(const std::string& name) {
  static const Names names{"_histogramdd_bin_edges", "_histogramdd_from_bin_cts", "_histogramdd_from_bin_tensors", "_spdiags", "from_file",
    "histogram", "slow_conv3d_forward", "to_mkldnn"};
  return names.count(name) != 0;
}

// Matrix products, which cuBLAS has for floating point alone.
inline bool is_product(const std::string& name) {
  static const Names names{"addbmm", "addmm", "addmm_", "addmv", "addmv_", "baddbmm", "baddbmm_", "bmm", "dot", "mm", "vdot"};
  return names.count(name) != 0;
}

// Always: their result, or its size, goes through the host, or what the factorization says about its success.
inline bool always_waits(const std::string& name) {
  static const Names names{"_linalg_eigh", "_linalg_eigvals", "_linalg_svd", "_to_sparse", "_unique", "_unique2", "bincount", "cholesky",
    "cholesky_inverse", "coalesce", "equal", "linalg_eig", "linalg_eigvals", "linalg_matrix_exp", "masked_select", "nonzero",
    "unique_consecutive", "unique_dim", "unique_dim_consecutive"};
  return names.count(name) != 0;
}

inline bool is_mask(const at::Tensor& t) { return t.defined() && (t.scalar_type() == at::kBool || t.scalar_type() == at::kByte); }

// The argument of this name, or none.
inline c10::IValue argument(const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> values, const char* name) {
  const auto index = schema.argumentIndexWithName(name);
  return index ? values[*index] : c10::IValue();
}

// Whether the operator makes the host wait for the device.
inline bool waits(const std::string& name, const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> values) {
  if (always_waits(name)) return true;
  auto get = [&](const char* what) { return argument(schema, values, what); };
  // Factorizations look at their success when asked to.
  if (const auto check = get("check_errors"); check.isBool() && check.toBool()) return true;
  if (name == "_index_put_impl_") {
    int masks = 0;
    for (const std::optional<at::Tensor>& t : get("indices").toOptionalTensorVector()) masks += t && is_mask(*t);
    // One mask and one number is a `masked_fill`.
    const auto written = get("values");
    if (masks == 1 && written.isTensor() && written.toTensor().numel() == 1) {
      const auto accumulate = get("accumulate");
      return accumulate.isBool() && accumulate.toBool();
    }
    return masks > 0;
  }
  if (name == "repeat_interleave") return get("output_size").isNone();
  if (name == "multinomial") return !get("replacement").toBool() || get("num_samples").toInt() == 1;
  if (name == "histc") return get("min").toScalar().toDouble() == get("max").toScalar().toDouble();
  // A tensor of deviations is looked at: they have to be positive.
  if (name == "normal") return get("std").isTensor();
  return false;
}

// Refuses what a GPU would, and counts how many index tensors would be copied to it.
inline long judge(const std::string& name, const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> values,
                  std::vector<at::Tensor>& tensors) {
  TORCH_CHECK_NOT_IMPLEMENTED(!has_no_cuda_kernel(name), "Could not run '", schema.name(), "' with arguments from the 'CUDA' backend.");
  const bool indexing = takes_host_indices(name);
  std::optional<c10::Device> first;
  std::string on_host;
  long copied = 0;
  auto look = [&](const at::Tensor& t, const c10::Argument& argument) {
    if (!t.defined()) return;
    tensors.push_back(t);
    if (t.is_cuda()) {
      if (!first) first = t.device();
      TORCH_CHECK(t.device() == *first, "Expected all tensors to be on the same device, but found at least two devices, ", *first, " and ",
                  t.device(), "! (argument ", argument.name(), " of ", schema.name(), ")");
      return;
    }
    const bool written = argument.alias_info() && argument.alias_info()->isWrite();
    if (indexing && argument.name() == "indices") {
      copied += name != "index";
    } else if (t.dim() != 0 || written || refuses_host_scalars(name)) {
      on_host = argument.name();
    }
  };
  tensors.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    if (values[i].isTensor()) look(values[i].toTensor(), argument);
    else if (values[i].isTensorList()) for (const at::Tensor& t : values[i].toTensorVector()) look(t, argument);
    else if (values[i].isOptionalTensorList()) for (const std::optional<at::Tensor>& t : values[i].toOptionalTensorVector()) if (t) look(*t, argument);
  }
  TORCH_CHECK(on_host.empty(), "Expected all tensors to be on the same device, but found at least two devices, ", first.value_or(device(-1)),
              " and cpu! (argument ", on_host, " of ", schema.name(), ")");
  if (is_product(name)) {
    for (const at::Tensor& t : tensors)
      TORCH_CHECK_NOT_IMPLEMENTED(t.is_floating_point() || t.is_complex(), '"', name, "_cuda\" not implemented for '", t.scalar_type(), "'");
  }
  return copied;
}

}  // namespace stand_in
