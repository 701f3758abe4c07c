// A launch from its first check to its last.
#include "runtime.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstring>

namespace runtime {

LaunchConfig config;
const emu_kernel *kernel;
const char *packed_arguments;
const char *code_begin, *code_end;

emu_dim block_index(long linear) {
  unsigned width = config.grid[0], height = config.grid[1];
  return {(unsigned)(linear % width), (unsigned)(linear / width % height), (unsigned)(linear / width / height)};
}

emu_dim thread_index(int linear) {
  unsigned i = linear, width = config.block[0], height = config.block[1];
  return {i % width, i / width % height, i / width / height};
}

static void find_code(const void *function) {
  if (function >= code_begin && function < code_end) return;
  Dl_info info;
  dladdr(function, &info);
  code_begin = code_end = (const char *)info.dli_fbase;
  auto extend = [](dl_phdr_info *object, size_t, void *) {
    if ((const char *)object->dlpi_addr != code_begin) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
      const auto &segment = object->dlpi_phdr[i];
      if (segment.p_type == PT_LOAD) code_end = std::max(code_end, code_begin + segment.p_vaddr + segment.p_memsz);
    }
    return 1;
  };
  dl_iterate_phdr(extend, nullptr);
}

}  // namespace runtime

using namespace runtime;

enum { SUCCESS, FAILURE, INTERRUPTED };
extern "C" void emu_clear_failure();

extern "C" int emu_launch(const emu_kernel *launched, const void *packed, const LaunchConfig *requested) {
  static const size_t MOST = 32764;  // bytes of parameters that a launch may carry
  alignas(16) static char arguments[MOST];
  kernel = launched;
  config = *requested;
  memcpy(arguments, packed, kernel->packed_size);
  packed_arguments = arguments;
  emu_clear_failure();
  if (!protect_arguments(*kernel, packed_arguments)) return FAILURE;
  find_code((const void *)kernel->run);
  if (config.racecheck) begin_race_check();
  install_fault_handlers();
  run_grid();
  restore_fault_handlers();
  if (config.racecheck) report_races();
  release_arguments();
  if (failed()) return FAILURE;
  if (interrupted()) return INTERRUPTED;
  if (stop_requested) {
    set_failure(format("timeout after %.1f s: the kernel does not end", config.timeout));
    return FAILURE;
  }
  return SUCCESS;
}
