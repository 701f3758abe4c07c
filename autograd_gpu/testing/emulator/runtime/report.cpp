// The text of a failure, and the way out of the thread that met it.
#include "runtime.h"

#include <cstdarg>
#include <cstdio>

namespace runtime {

static std::string failure;

void set_failure(std::string text) {
  if (failure.empty()) failure = std::move(text);
}

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

}  // namespace runtime

extern "C" void emu_fail(const char *text, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(buffer, sizeof buffer, text, arguments);
  va_end(arguments);
  runtime::set_failure(buffer + (" in " + runtime::current_thread()) +
                       runtime::code_location(__builtin_return_address(0)));
  runtime::abandon_thread();
}

extern "C" const char *emu_failure() { return runtime::failure.c_str(); }
extern "C" void emu_clear_failure() { runtime::failure.clear(); }
