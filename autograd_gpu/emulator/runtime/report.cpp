// The text of a failure, and the way out of the thread that met it.
#include "runtime.h"

#include <cstdarg>
#include <cstdio>

namespace runtime {

static std::string failure;

void set_failure(std::string text) {
  if (failure.empty()) failure = std::move(text);
}

void extend_failure(const std::string &text) { failure += (failure.empty() ? "" : "; ") + text; }

bool failed() { return !failure.empty(); }

std::string format(const char *text, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(buffer, sizeof buffer, text, arguments);
  va_end(arguments);
  return buffer;
}

std::string describe(emu_dim index) { return format("(%u,%u,%u)", index.x, index.y, index.z); }

std::string current_thread() {
  if (!current) return "the scheduler";
  return "block " + describe(emu_now.block) + " thread " + describe(current->index);
}

std::string code_location(const void *pc) {
  const char *p = (const char *)pc;
  if (p < code_begin || p >= code_end) return "";
  return format(" at <pc:%lx>", (unsigned long)(p - code_begin));
}

void abandon_thread() {
  void *never_resumed;
  emu_switch(&never_resumed, scheduler_stack_pointer);
  __builtin_trap();
}

void fail_at(const void *pc, const std::string &what) {
  set_failure(what + " in " + current_thread() + code_location(pc));
  abandon_thread();
}

}  // namespace runtime

extern "C" void emu_fail(const char *text, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(buffer, sizeof buffer, text, arguments);
  va_end(arguments);
  runtime::fail_at(__builtin_return_address(0), buffer);
}

extern "C" const char *emu_failure() { return runtime::failure.c_str(); }
extern "C" void emu_clear_failure() { runtime::failure.clear(); }
