// What is counted, by phase; the report at exit; the trace.
#pragma once
#include <ATen/ATen.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace stand_in {

struct Counts {
  long launches = 0, syncs = 0, h2d = 0, h2d_pinned = 0, d2h = 0, d2d = 0;
  size_t peak_bytes = 0;
  std::map<std::string, long> ops;    // launches by operator
  std::map<std::string, long> waits;  // syncs by what waited
};

struct Phase : Counts {
  long entries = 0;
};

// All of the process. Never destroyed: tensors in static variables are freed after everything else.
struct State {
  std::mutex mutex;
  Counts total;
  std::map<std::string, Phase> phases;
  std::string latest;  // where the last thread that said so has got to
  std::vector<size_t> bytes, peak;
  FILE* const trace = appended("EFY_STAND_IN_TRACE");
  FILE* const steps = appended("EFY_STAND_IN_STEPS");
  static FILE* appended(const char* variable) {
    const char* path = std::getenv(variable);
    return path && *path ? std::fopen(path, "a") : nullptr;
  }
};

inline State& state() {
  static State* state = new State;
  return *state;
}

// The phases that a thread is in, as a path. Threads that never say where they are, as those of autograd, are where the
// last one is that did: it waits for them.
struct Here {
  bool told = false;
  std::vector<size_t> lengths;
  std::string path;
};

inline Here& here() {
  static thread_local Here here;
  return here;
}

// With the lock held.
inline const std::string& phase() { return here().told ? here().path : state().latest; }

inline void write(FILE* file, const char* name, const std::map<std::string, long>& values) {
  std::fprintf(file, ", \"%s\": {", name);
  const char* comma = "";
  for (auto& [key, value] : values) std::fprintf(file, "%s\"%s\": %ld", comma, key.c_str(), value), comma = ", ";
  std::fprintf(file, "}");
}

inline void write(FILE* file, const Counts& c) {
  std::fprintf(file, "\"launches\": %ld, \"syncs\": %ld, \"h2d\": %ld, \"h2d_pinned\": %ld, \"d2h\": %ld, \"d2d\": %ld, \"peak_bytes\": %zu",
               c.launches, c.syncs, c.h2d, c.h2d_pinned, c.d2h, c.d2d, c.peak_bytes);
  write(file, "ops", c.ops);
  write(file, "waits", c.waits);
}

// Everything so far as a line of JSON. With the lock held.
inline void write(FILE* file) {
  std::fprintf(file, "{");
  write(file, state().total);
  std::fprintf(file, ", \"device_peak_bytes\": [");
  const char* comma = "";
  for (size_t peak : state().peak) std::fprintf(file, "%s%zu", comma, peak), comma = ", ";
  std::fprintf(file, "], \"phases\": {");
  comma = "";
  for (auto& [name, phase] : state().phases) {
    std::fprintf(file, "%s\"%s\": {\"entries\": %ld, ", comma, name.c_str(), phase.entries);
    write(file, phase);
    std::fprintf(file, "}");
    comma = ", ";
  }
  std::fprintf(file, "}}\n");
}

inline void enter(const char* name) {
  std::lock_guard<std::mutex> lock(state().mutex);
  Here& h = here();
  h.told = true;
  h.lengths.push_back(h.path.size());
  if (!h.path.empty()) h.path += '/';
  h.path += name;
  state().latest = h.path;
  if (state().steps && h.path == "step") write(state().steps), std::fflush(state().steps);
  ++state().phases[h.path].entries;
}

inline void leave() {
  std::lock_guard<std::mutex> lock(state().mutex);
  Here& h = here();
  if (h.lengths.empty()) return;
  h.path.resize(h.lengths.back());
  h.lengths.pop_back();
  state().latest = h.path;
}

// What one operator, or one copy, adds.
struct Event {
  std::string op;
  long launches = 0, syncs = 0, h2d = 0, h2d_pinned = 0, d2h = 0, d2d = 0;
};

// Set while the CPU kernel of an operator runs: its own copies are not the program's.
inline bool& quiet() {
  static thread_local bool quiet = false;
  return quiet;
}

inline void describe(std::string& line, const at::Tensor& t) {
  if (!t.defined()) return;
  line += line.back() == '\t' ? "" : ", ";
  line += t.device().str() + (t.is_cpu() && t.is_pinned() ? " pinned " : " ") + c10::toString(t.scalar_type());
  line += c10::str(t.sizes());
}

inline void record(const Event& event, const std::vector<at::Tensor>& tensors) {
  if (quiet()) return;
  std::lock_guard<std::mutex> lock(state().mutex);
  auto add = [&](Counts& counts) {
    counts.launches += event.launches;
    counts.syncs += event.syncs;
    counts.h2d += event.h2d;
    counts.h2d_pinned += event.h2d_pinned;
    counts.d2h += event.d2h;
    counts.d2d += event.d2d;
    if (event.launches) counts.ops[event.op] += event.launches;
    if (event.syncs) counts.waits[event.op] += event.syncs;
  };
  add(state().total);
  add(state().phases[phase()]);
  if (!state().trace) return;
  std::string line = phase() + '\t' + event.op + '\t';
  auto what = [&](long count, const char* name) {
    if (count) line += std::string(line.back() == '\t' ? "" : "+") + name;
  };
  what(event.launches, "launch");
  what(event.h2d, "h2d");
  what(event.h2d_pinned, "h2d_pinned");
  what(event.d2h, "d2h");
  what(event.syncs, "sync");
  line += '\t';
  for (const at::Tensor& t : tensors) describe(line, t);
  std::fprintf(state().trace, "%s\n", line.c_str());
  std::fflush(state().trace);
}

// More or fewer bytes on a device.
inline void resized(int device, long bytes) {
  std::lock_guard<std::mutex> lock(state().mutex);
  State& s = state();
  if (s.bytes.size() <= size_t(device)) s.bytes.resize(device + 1), s.peak.resize(device + 1);
  s.bytes[device] += bytes;
  s.peak[device] = std::max(s.peak[device], s.bytes[device]);
  size_t all = 0;
  for (size_t b : s.bytes) all += b;
  for (Counts* counts : {&s.total, static_cast<Counts*>(&s.phases[phase()])}) counts->peak_bytes = std::max(counts->peak_bytes, all);
}

// Written at exit, beside its place and renamed.
struct Report {
  ~Report() {
    const char* path = std::getenv("EFY_STAND_IN_REPORT");
    if (!path || !*path) return;
    const std::string beside = std::string(path) + ".part";
    FILE* file = std::fopen(beside.c_str(), "w");
    if (!file) return;
    std::lock_guard<std::mutex> lock(state().mutex);
    write(file);
    std::fclose(file);
    std::rename(beside.c_str(), path);
  }
};

}  // namespace stand_in
