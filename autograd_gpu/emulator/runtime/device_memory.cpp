// Device memory: every buffer lies on pages of its own between inaccessible guards, its end against the upper guard.
// Knows which argument of the launch a buffer is, for the reports.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "runtime.h"

namespace runtime {

static const size_t BUFFER_GUARD = 1 << 20;
static const size_t MOST_CACHED = 64 << 20;      // bytes of freed buffers kept for reuse
static const size_t MOST_FOLLOWED = 64 << 10;  // a larger one is kept without its race cells, 24 times its size

static std::map<const char *, Buffer *> by_mapping;                     // ordered by address
static std::unordered_map<size_t, std::vector<Buffer *>> free_buffers;  // by size of their pages
static size_t cached;

static struct {
  uintptr_t page;
  Buffer *buffer;
} recently_found[64];

Buffer *find_buffer(const void *pointer) {
  const char *p = (const char *)pointer;
  uintptr_t page = (uintptr_t)p >> 12;
  auto &recent = recently_found[page % 64];
  if (recent.buffer && recent.page == page) return recent.buffer;
  auto after = by_mapping.upper_bound(p);
  if (after == by_mapping.begin()) return nullptr;
  Buffer *buffer = std::prev(after)->second;
  if (p >= buffer->mapping + buffer->mapping_size) return nullptr;
  recent = {page, buffer};
  return buffer;
}

// Patterns are laid by address, so that every aligned 16-bit unit shows the same value.
void fill(char *begin, char *end, uint16_t pattern) {
  char bytes[2];
  memcpy(bytes, &pattern, 2);
  while (begin < end && (uintptr_t)begin % 8) *begin = bytes[(uintptr_t)begin % 2], begin++;
  uint64_t word = pattern * 0x0001000100010001ull;
  for (; begin + 8 <= end; begin += 8) memcpy(begin, &word, 8);
  for (; begin < end; begin++) *begin = bytes[(uintptr_t)begin % 2];
}

const char *first_difference(const char *begin, const char *end, uint16_t pattern) {
  char bytes[2];
  memcpy(bytes, &pattern, 2);
  uint64_t word = pattern * 0x0001000100010001ull;
  while (begin < end) {
    bool whole = (uintptr_t)begin % 8 == 0 && begin + 8 <= end;
    if (whole && memcmp(begin, &word, 8) == 0) begin += 8;
    else if (*begin == bytes[(uintptr_t)begin % 2]) begin++;
    else return begin;
  }
  return nullptr;
}

static Buffer *map_buffer(size_t pages_size) {
  Buffer *buffer = new Buffer{};
  buffer->mapping_size = pages_size + 2 * BUFFER_GUARD;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapping = mmap(nullptr, buffer->mapping_size, PROT_NONE, flags, -1, 0);
  if (mapping == MAP_FAILED) return delete buffer, nullptr;
  buffer->mapping = (char *)mapping;
  buffer->pages_begin = buffer->mapping + BUFFER_GUARD;
  buffer->pages_end = buffer->pages_begin + pages_size;
  if (mprotect(buffer->pages_begin, pages_size, PROT_READ | PROT_WRITE)) {
    munmap(mapping, buffer->mapping_size);
    return delete buffer, nullptr;
  }
  by_mapping[buffer->mapping] = buffer;
  return buffer;
}

static void unmap_buffer(Buffer *buffer) {
  forget_races(*buffer);
  by_mapping.erase(buffer->mapping);
  munmap(buffer->mapping, buffer->mapping_size);
  memset(recently_found, 0, sizeof recently_found);
  delete buffer;
}

struct Argument {
  int position;
  Buffer *buffer;
};
static std::vector<Argument> arguments;  // of the launch: its pointers, and those within structs

std::string argument_of(const Buffer &buffer) {
  for (const Argument &argument : arguments) {
    if (argument.buffer != &buffer) continue;
    const char *name = kernel->parameter_names;
    for (int comma = 0; comma < argument.position; comma++) name = strchr(name, ',') + 1;
    return format("argument %d '%.*s'", argument.position, (int)strcspn(name, ","), name);
  }
  return "a buffer that is not an argument";
}

template <class Visit> static void each_pointer(const emu_kernel &kernel, const char *packed, Visit visit) {
  for (int i = 0; i < kernel.count; i++) {
    const emu_parameter &parameter = kernel.parameters[i];
    // A struct's words may be pointers too: what they point at must stay writable.
    for (int at = parameter.offset; at + 8 <= parameter.offset + parameter.size; at += 8) {
      char *pointer;
      memcpy(&pointer, packed + at, 8);
      if (parameter.kind != 'S') visit(i, parameter, pointer);
    }
  }
}

static void set_protection(const Buffer &buffer, int protection) {
  mprotect(buffer.pages_begin, buffer.pages_end - buffer.pages_begin, protection);
}

bool protect_arguments(const emu_kernel &kernel, const char *packed) {
  arguments.clear();
  each_pointer(kernel, packed, [&](int i, const emu_parameter &parameter, char *pointer) {
    Buffer *buffer = pointer ? find_buffer(pointer) : nullptr;
    bool inside = buffer && buffer->live && pointer >= buffer->begin && pointer <= buffer->end;
    if (inside) {
      arguments.push_back({i, buffer});
      buffer->read_only = true;
    } else if (parameter.kind == 'P' && pointer) {
      const char *what = buffer && !buffer->live ? "freed device memory" : "no device memory";
      set_failure(format("argument %d points at %s (%p)", i, what, (void *)pointer));
    }
  });
  if (failed()) return false;
  each_pointer(kernel, packed, [&](int, const emu_parameter &parameter, char *pointer) {
    Buffer *buffer = pointer ? find_buffer(pointer) : nullptr;
    if (buffer && !parameter.is_const) buffer->read_only = false;
  });
  for (const Argument &argument : arguments)
    if (argument.buffer->read_only) set_protection(*argument.buffer, PROT_READ);
  return true;
}

static void check_canaries(const Buffer &buffer) {
  if (const char *p = first_difference(buffer.end, buffer.pages_end, buffer.canary))
    set_failure(format("out-of-bounds write: %zu bytes past the end of %s (%zu bytes), found after the launch",
                       (size_t)(p - buffer.end), argument_of(buffer).c_str(), (size_t)(buffer.end - buffer.begin)));
  if (const char *p = first_difference(buffer.pages_begin, buffer.begin, buffer.canary))
    set_failure(format("out-of-bounds write: %zu bytes before %s, found after the launch", (size_t)(buffer.begin - p),
                       argument_of(buffer).c_str()));
}

void release_arguments() {
  for (const Argument &argument : arguments) {
    Buffer &buffer = *argument.buffer;
    if (buffer.read_only) set_protection(buffer, PROT_READ | PROT_WRITE);
    buffer.read_only = false;
    check_canaries(buffer);
  }
}

}  // namespace runtime

using namespace runtime;

// Null when the machine has no more memory.
extern "C" void *emu_allocate(size_t size) {
  static const size_t page = sysconf(_SC_PAGESIZE);
  size_t aligned = (size + 15) & ~(size_t)15;  // 16 bytes: the widest load that a kernel makes
  size_t pages_size = std::max(page, (aligned + page - 1) / page * page);
  auto &reusable = free_buffers[pages_size];
  Buffer *buffer;
  if (reusable.empty()) {
    buffer = map_buffer(pages_size);
    if (!buffer) return nullptr;
  } else {
    buffer = reusable.back();
    reusable.pop_back();
    cached -= pages_size;
  }
  // A NaN of its own per buffer: one copied from the slack of one into the slack of another is still seen.
  static unsigned count;
  buffer->canary = 0x7ff1 + count++ % 15;
  buffer->live = true;
  buffer->begin = buffer->pages_end - aligned;
  buffer->end = buffer->begin + size;
  fill(buffer->pages_begin, buffer->begin, buffer->canary);
  fill(buffer->begin, buffer->end, POISON);
  fill(buffer->end, buffer->pages_end, buffer->canary);
  return buffer->begin;
}

extern "C" void emu_release(void *begin) {
  Buffer *buffer = find_buffer(begin);
  buffer->live = false;
  size_t pages_size = buffer->pages_end - buffer->pages_begin;
  if (cached + pages_size > MOST_CACHED) return unmap_buffer(buffer);
  if (pages_size > MOST_FOLLOWED) forget_races(*buffer);
  cached += pages_size;
  free_buffers[pages_size].push_back(buffer);
}

// Whether [begin, begin + size) lies in one live buffer.
extern "C" int emu_owns(const char *begin, size_t size) {
  Buffer *buffer = find_buffer(begin);
  return buffer && buffer->live && begin >= buffer->begin && begin + size <= buffer->end;
}
