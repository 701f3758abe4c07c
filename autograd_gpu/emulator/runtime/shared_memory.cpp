// The block's shared memory: one arena, static variables from its front, each between canaries; the dynamic array at
// its end, against an inaccessible guard. Poisoned for every block.
#include <sys/mman.h>

#include <cstdlib>

#include "runtime.h"

namespace runtime {

static const size_t ARENA_GUARD = 4 << 20;
static const size_t STATIC_ARENA = 256 << 10, DYNAMIC_ARENA = 256 << 10;
static const size_t STATIC_LIMIT = 48 << 10;  // the hardware's, for what is declared with a size
static const size_t CANARY = 64, ALIGNMENT = 128;
static const uint16_t CANARY_PATTERN = 0x7ffb;

char *shared_begin, *shared_end, *dynamic_begin;
std::vector<SharedVariable> shared_variables;
static char *static_used;

static void reserve_arena() {
  size_t size = STATIC_ARENA + DYNAMIC_ARENA;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapping = mmap(nullptr, size + 2 * ARENA_GUARD, PROT_NONE, flags, -1, 0);
  if (mapping == MAP_FAILED) abort();
  shared_begin = (char *)mapping + ARENA_GUARD;
  shared_end = shared_begin + size;
  mprotect(shared_begin, size, PROT_READ | PROT_WRITE);
}

static size_t dynamic_aligned() { return (config.dynamic_shared + 15) & ~15u; }

void begin_shared_memory() {
  if (!shared_begin) reserve_arena();
  shared_variables.clear();
  static_used = shared_begin;
  dynamic_begin = shared_end - dynamic_aligned();
  char *dynamic_end = dynamic_begin + config.dynamic_shared;
  fill(dynamic_begin, dynamic_end, POISON);
  fill(dynamic_end, shared_end, CANARY_PATTERN);
}

bool in_shared_arena(const void *p) { return p >= shared_begin && p < shared_end; }

static void check_limits() {
  size_t total = 0;
  for (auto &variable : shared_variables) total += variable.size;
  if (total > STATIC_LIMIT)
    emu_fail("static shared memory: %zu bytes, the limit is %zu (use dynamic shared memory)", total, STATIC_LIMIT);
  if (total + config.dynamic_shared > config.shared_limit)
    emu_fail("shared memory: %zu static + %u dynamic bytes exceed the limit of %u", total, config.dynamic_shared,
             config.shared_limit);
}

bool check_shared_canaries(const std::string &when) {
  if (config.racecheck) return true;  // has seen such a write when it was made
  for (auto &variable : shared_variables) {
    char *end = variable.begin + variable.size;
    auto report = [&](size_t distance, const char *side) {
      set_failure(
          format("out-of-bounds write: %zu bytes %s __shared__ %s (%zu bytes, declared at line %d), found at %s",
                 distance, side, variable.name, variable.size, variable.line, when.c_str()));
    };
    if (const char *p = first_difference(end, end + CANARY, CANARY_PATTERN)) report(p - end, "past the end of");
    if (const char *p = first_difference(variable.begin - CANARY, variable.begin, CANARY_PATTERN))
      report(variable.begin - p, "before");
  }
  char *dynamic_end = dynamic_begin + config.dynamic_shared;
  if (const char *p = first_difference(dynamic_end, shared_end, CANARY_PATTERN))
    set_failure(format("out-of-bounds write: %zu bytes past the end of dynamic shared memory (%u bytes), found at %s",
                       (size_t)(p - dynamic_end), config.dynamic_shared, when.c_str()));
  return !failed();
}

std::string describe_shared_guard(const char *p) {
  if (!shared_begin || p < shared_begin - ARENA_GUARD || p >= shared_end + ARENA_GUARD) return "";
  if (p < shared_begin) return "before shared memory";
  return format("%zu bytes past the end of dynamic shared memory (%u bytes)",
                (size_t)(p - dynamic_begin - config.dynamic_shared), config.dynamic_shared);
}

}  // namespace runtime

using namespace runtime;

extern "C" void *emu_static_shared(const void *key, unsigned long size, const char *name, int line) {
  for (auto &variable : shared_variables)
    if (variable.key == key) return variable.begin;
  uintptr_t after_canary = (uintptr_t)static_used + CANARY;
  char *begin = (char *)((after_canary + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  shared_variables.push_back({key, begin, size, name, line});
  check_limits();
  static_used = begin + size + CANARY;
  fill(begin - CANARY, begin, CANARY_PATTERN);
  fill(begin, begin + size, POISON);
  fill(begin + size, static_used, CANARY_PATTERN);
  return begin;
}

extern "C" void *emu_dynamic_shared() { return dynamic_begin; }
