// The race checker: every byte of shared and of global memory remembers its last write and its last reads.
//
// Two accesses race when they are by different threads, one of them writes, not both are atomic, and nothing orders
// them. Order comes from a barrier (same block), from __syncwarp (same warp), and from nothing else: fences, shuffles
// and flags in memory do not count. Time is a counter of intervals between barriers, which never goes back, so that
// "before this launch", "another block of this launch" and "before the last barrier" are all comparisons with it.
#include "runtime.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace runtime {

// The memory of one byte: 24 bytes, zero when never touched.
struct Cell {
  uint32_t write_interval, read_interval;
  uint32_t write_pc, read_pc;  // offsets in the kernel's code
  uint16_t writer : 10, atomic : 1, in_flight : 1;
  uint16_t reader : 10, several_lanes : 1, several_warps : 1, earlier_block : 1;
  uint16_t write_step, read_step;  // of the warp, within the interval
};

static uint32_t interval;  // now
static uint32_t launch_start, block_start;
static uint16_t warp_steps[32];
static std::vector<std::pair<uint32_t, long>> block_starts;  // of this launch: first interval, linear block
static std::set<std::pair<std::string, const void *>> kinds_seen;
static std::vector<std::string> reports;
static long report_count;
static Cell *shared_cells;
static const size_t MOST_REPORTS = 4;

void begin_race_check() {
  launch_start = ++interval;
  block_starts.clear();
  kinds_seen.clear();
  reports.clear();
  report_count = 0;
}

void next_block(long linear) {
  block_start = ++interval;
  memset(warp_steps, 0, sizeof warp_steps);
  if (config.racecheck) block_starts.push_back({interval, linear});
}

void next_interval() {
  interval++;
  memset(warp_steps, 0, sizeof warp_steps);
}

void next_warp_step(int warp) { warp_steps[warp]++; }

void report_races() {
  if (reports.empty()) return;
  std::string text =
      format("racecheck: %ld invalid access%s, the first of each kind: ", report_count, report_count == 1 ? "" : "es");
  for (size_t i = 0; i < reports.size(); i++) text += (i ? "; " : "") + reports[i];
  extend_failure(text);
}

// ---- where an address lies

struct Region {
  char *begin, *end;
  Cell *cells;  // of `begin`
  bool shared;
  const Buffer *buffer;
  const char *variable;
};

static const char *const DYNAMIC = "dynamic shared memory";

static Cell *map_cells(size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *cells = mmap(nullptr, bytes * sizeof(Cell), PROT_READ | PROT_WRITE, flags, -1, 0);
  return cells == MAP_FAILED ? nullptr : (Cell *)cells;
}

static size_t capacity(const Buffer &buffer) { return buffer.pages_end - buffer.pages_begin; }

void forget_races(Buffer &buffer) {
  if (buffer.cells) munmap(buffer.cells, capacity(buffer) * sizeof(Cell));
  buffer.cells = nullptr;
}

static bool find_shared_region(const char *p, Region &region) {
  if (!shared_cells) shared_cells = map_cells(shared_end - shared_begin);
  if (!shared_cells) return false;
  region = {shared_begin, shared_end, shared_cells, true, nullptr, nullptr};
  if (p >= dynamic_begin) {
    region.begin = dynamic_begin, region.end = dynamic_begin + config.dynamic_shared;
    region.variable = DYNAMIC;
  }
  for (const SharedVariable &variable : shared_variables)
    if (p >= variable.begin && p < variable.begin + variable.size) {
      region.begin = variable.begin, region.end = variable.begin + variable.size;
      region.variable = variable.name;
    }
  region.cells = shared_cells + (region.begin - shared_begin);
  return true;
}

static bool find_region(const char *p, Region &region) {
  if (in_shared_arena(p)) return find_shared_region(p, region);
  Buffer *buffer = find_buffer(p);
  if (!buffer) return false;  // the kernel's own globals, the C library's data
  if (!buffer->cells) buffer->cells = map_cells(capacity(*buffer));
  if (!buffer->cells) return false;
  region = {buffer->begin, buffer->end, buffer->cells, false, buffer, nullptr};
  return true;
}

static std::string name_of(const Region &region) {
  if (region.buffer) return argument_of(*region.buffer);
  if (region.variable == DYNAMIC) return DYNAMIC;
  return region.variable ? std::string("__shared__ ") + region.variable : "shared memory between variables";
}

// ---- reports

static bool is_new(const char *kind, const void *pc) {
  report_count++;
  return reports.size() < MOST_REPORTS && kinds_seen.insert({kind, pc}).second;
}

static void report_access(const char *kind, const Region &region, const char *p, const void *pc) {
  if (!is_new(kind, pc)) return;
  std::string size = format(" (%zu bytes)", (size_t)(region.end - region.begin));
  std::string text =
      format("%s: %s%s, byte offset %ld, by ", kind, name_of(region).c_str(), size.c_str(), (long)(p - region.begin));
  reports.push_back(text + current_thread() + code_location(pc));
}

static long block_of(uint32_t at) {
  auto after = std::upper_bound(block_starts.begin(), block_starts.end(), std::make_pair(at, __LONG_MAX__));
  return std::prev(after)->second;
}

static void report_race(const Region &region, const char *p, const char *mine, const void *pc, const char *theirs,
                        uint32_t their_interval, int their_thread, uint32_t their_pc) {
  if (!is_new("data race", pc)) return;
  std::string other = "block " + describe(block_index(block_of(their_interval))) + " thread " +
                      describe(thread_index(their_thread)) + code_location(code_begin + their_pc);
  // Of several readers only the last is remembered, and that may be the writer itself.
  if (their_interval >= block_start && their_thread == current->linear) other = "another thread";
  reports.push_back(
      format("data race on %s, byte offset %ld: %s ", name_of(region).c_str(), (long)(p - region.begin), mine) +
      current_thread() + code_location(pc) + ", " + theirs + " " + other + ", with no order between");
}

// ---- the check

static bool happened_before(uint32_t at, int thread, uint16_t step) {
  if (at < block_start) return false;  // another block: blocks are never ordered within a launch
  if (at < interval || thread == current->linear) return true;
  return thread / 32 == current->warp && step != warp_steps[current->warp];
}

// True once a race was reported: the other bytes of the same access would only repeat it.
static bool check_write_before(const Region &region, const Cell &cell, const char *p, Access access, const void *pc,
                               uint32_t start) {
  if (cell.write_interval < start || (access == Access::ATOMIC && cell.atomic)) return false;
  if (happened_before(cell.write_interval, cell.writer, cell.write_step)) return false;
  const char *mine = access == Access::READ ? "read by" : access == Access::WRITE ? "write by" : "atomic by";
  report_race(region, p, mine, pc, cell.atomic ? "atomic by" : "write by", cell.write_interval, cell.writer,
              cell.write_pc);
  return true;
}

static bool check_read_before(const Region &region, const Cell &cell, const char *p, Access access, const void *pc,
                              uint32_t start) {
  if (cell.read_interval < start) return false;
  bool now = cell.read_interval == interval;
  bool same_warp = cell.reader / 32 == current->warp && cell.read_step == warp_steps[current->warp];
  bool others = now && (cell.several_warps || (cell.several_lanes && same_warp));
  bool ordered = happened_before(cell.read_interval, cell.reader, cell.read_step);
  if (ordered && !others && !cell.earlier_block) return false;
  report_race(region, p, access == Access::WRITE ? "write by" : "atomic by", pc, "read by", cell.read_interval,
              cell.reader, cell.read_pc);
  return true;
}

static void note_write(Cell &cell, Access access, const void *pc) {
  cell.write_interval = interval;
  cell.write_pc = (uint32_t)((const char *)pc - code_begin);
  cell.writer = current->linear;
  cell.write_step = warp_steps[current->warp];
  cell.atomic = access == Access::ATOMIC;
  cell.in_flight = false;
}

static void note_read(Cell &cell, const void *pc, uint32_t start) {
  bool now = cell.read_interval == interval;
  bool same_warp = cell.reader / 32 == current->warp;
  bool same_step = same_warp && cell.read_step == warp_steps[current->warp];
  bool other_block = cell.read_interval >= start && cell.read_interval < block_start;
  cell.earlier_block = other_block || (cell.earlier_block && cell.read_interval >= start);
  cell.several_warps = now && (cell.several_warps || !same_warp);
  cell.several_lanes = now && same_step && (cell.several_lanes || cell.reader != current->linear);
  cell.read_interval = interval;
  cell.read_pc = (uint32_t)((const char *)pc - code_begin);
  cell.reader = current->linear;
  cell.read_step = warp_steps[current->warp];
}

// Global memory that still holds what it was allocated with. A narrow access looks at the 8 bytes around it: one byte
// of the pattern may well be a value.
static bool still_poison(const Region &region, const char *p, size_t size) {
  if (size < 4) {
    const char *word = (const char *)((uintptr_t)p & ~(uintptr_t)7);
    p = std::max(word, (const char *)region.begin);
    size = std::min(word + 8, (const char *)region.end) - p;
    if (size < 2) return false;
  }
  return !first_difference(p, p + size, POISON);
}

static bool is_initialised(const Region &region, const Cell &cell, const char *p, size_t size, uint32_t start) {
  if (cell.in_flight) return false;
  return cell.write_interval >= start || (!region.shared && !still_poison(region, p, size));
}

void check_access(const void *pointer, size_t size, Access access, const void *pc) {
  if (!current || on_a_stack(pointer)) return;
  if (stop_requested) stop_thread(pc);
  char *p = (char *)pointer;
  Region region;
  if (size == 0 || !find_region(p, region)) return;
  bool inside = p >= region.begin && p + size <= region.end && (!region.shared || region.variable);
  bool freed = region.buffer && !region.buffer->live;
  if (freed || !inside) {
    const char *kind = access == Access::READ ? "out-of-bounds read" : "out-of-bounds write";
    report_access(freed ? "use of freed memory" : kind, region, p, pc);
    return;
  }
  uint32_t start = region.shared ? block_start : launch_start;
  Cell *cells = region.cells + (p - region.begin);
  bool reported = false;
  if (access != Access::WRITE && !is_initialised(region, *cells, p, size, start)) {
    report_access(cells->in_flight ? "read before cp.async was waited for" : "uninitialised read", region, p, pc);
    reported = true;
  }
  Cell before = *cells;
  for (size_t i = 0; i < size; i++) {
    Cell &cell = cells[i];
    // The bytes of one value mostly share one history: what holds for the first holds for them.
    if (i > 0 && memcmp(&cell, &before, sizeof cell) == 0) {
      cell = *cells;
      continue;
    }
    if (!reported) reported = check_write_before(region, cell, p + i, access, pc, start);
    if (access == Access::READ) {
      note_read(cell, pc, start);
    } else {
      if (!reported) reported = check_read_before(region, cell, p + i, access, pc, start);
      note_write(cell, access, pc);
    }
  }
}

void mark_in_flight(char *p, size_t size) {
  Region region;
  if (!find_region(p, region) || p + size > region.end) return;
  for (size_t i = 0; i < size; i++) region.cells[p - region.begin + i].in_flight = true;
}

}  // namespace runtime
