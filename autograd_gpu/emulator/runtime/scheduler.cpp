// Runs a grid: blocks one after another, within a block each warp until all its threads wait or are done, then the
// barrier. One thread at a time, so a launch is deterministic for a given order and seed.
#include "runtime.h"

#include <algorithm>
#include <numeric>
#include <random>

emu_position emu_now;

namespace runtime {

Thread *current;
Block block;
void *scheduler_stack_pointer;
static std::minstd_rand random_order;

static void thread_main() {
  kernel->run(packed_arguments);
  current->state = EXITED;
  block.live--;
  abandon_thread();
}

static void wait() { emu_switch(&current->stack_pointer, scheduler_stack_pointer); }

static void resume(Thread &thread) {
  if (!thread.stack) {
    thread.stack = take_stack();
    thread.stack_pointer = prepare_fiber(thread.stack, thread_main);
  }
  current = &thread;
  emu_now.thread = thread.index;
  emu_now.lane = thread.lane;
  emu_switch(&scheduler_stack_pointer, thread.stack_pointer);
  current = nullptr;
  if (thread.state == EXITED) {
    give_back_stack(thread.stack);
    thread.stack = nullptr;
  }
}

static bool stopped() { return failed() || stop_requested; }

static int pick_lane(uint32_t ready) {
  if (config.order == FORWARD) return __builtin_ctz(ready);
  if (config.order == REVERSE) return 31 - __builtin_clz(ready);
  for (int skip = random_order() % __builtin_popcount(ready); skip > 0; skip--) ready &= ready - 1;
  return __builtin_ctz(ready);
}

static void run_warp(int warp) {
  while (block.ready[warp]) {
    for (uint32_t round = block.ready[warp]; round;) {
      int lane = pick_lane(round);
      round &= ~(1u << lane);
      block.ready[warp] &= ~(1u << lane);
      resume(block.threads[warp * 32 + lane]);
      if (stopped()) return;
    }
  }
}

// 0 to count - 1, in the order asked for.
static std::vector<long> arranged(long count) {
  std::vector<long> items(count);
  std::iota(items.begin(), items.end(), 0);
  if (config.order == REVERSE) std::reverse(items.begin(), items.end());
  if (config.order == RANDOM) std::shuffle(items.begin(), items.end(), random_order);
  return items;
}

// ---- barriers

static std::string waiting_threads() {
  struct Group {
    const Thread *first;
    int count;
  };
  std::vector<Group> groups;
  auto alike = [](const Thread &a, const Thread &b) {
    if (a.state != b.state || a.state == EXITED) return a.state == b.state;
    return a.site.line == b.site.line && a.site.file == b.site.file && a.mask == b.mask;
  };
  for (const Thread &thread : block.threads) {
    auto same = [&](const Group &group) { return alike(*group.first, thread); };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) groups.push_back({&thread, 1});
    else group->count++;
  }
  std::string text;
  for (const Group &group : groups) {
    const Thread &first = *group.first;
    std::string where = "have exited";
    if (first.state != EXITED) where = format("wait at %s %s:%d", first.operation, first.site.file, first.site.line);
    if (first.state == AT_COLLECTIVE) where += format(" mask 0x%08x", first.mask);
    text += format("%s%d thread(s) %s (first %s)", text.empty() ? "" : "; ", group.count, where.c_str(),
                   describe(first.index).c_str());
  }
  return text;
}

// Called when no thread can go on. Every thread must have reached the same barrier.
static bool release_barrier() {
  const Thread &first = block.threads[0];
  const char *trouble = nullptr;
  block.votes = 0;
  for (const Thread &thread : block.threads) {
    block.votes += thread.predicate;
    if (thread.state == AT_COLLECTIVE) trouble = "deadlock";
    bool elsewhere = thread.state != AT_BARRIER || thread.site.line != first.site.line ||
                     thread.site.file != first.site.file || thread.operation != first.operation;
    if (elsewhere && !trouble) trouble = "divergent __syncthreads";
  }
  if (trouble) {
    set_failure(format("%s in block %s: %s", trouble, describe(emu_now.block).c_str(), waiting_threads().c_str()));
    return false;
  }
  if (!check_shared_canaries(format("%s %s:%d", first.operation, first.site.file, first.site.line))) return false;
  next_interval();
  for (Thread &thread : block.threads) {
    thread.state = READY;
    block.ready[thread.warp] |= 1u << thread.lane;
  }
  return true;
}

// ---- blocks

static void prepare_threads() {
  int size = config.block[0] * config.block[1] * config.block[2];
  block.warps = (size + 31) / 32;
  block.threads.resize(size);
  block.ready.resize(block.warps);
  for (int i = 0; i < size; i++) {
    Thread &thread = block.threads[i];
    thread.index = thread_index(i);
    thread.linear = i, thread.warp = i / 32, thread.lane = i % 32;
  }
}

static void begin_block(long linear) {
  emu_now.block = block_index(linear);
  next_block(linear);
  begin_shared_memory();
  block.live = (int)block.threads.size();
  std::fill(block.ready.begin(), block.ready.end(), 0);
  for (Thread &thread : block.threads) {
    thread.state = READY;
    thread.copies.clear();
    thread.copy_group = 0;
    thread.predicate = 0;
    block.ready[thread.warp] |= 1u << thread.lane;
  }
}

static void run_block(long linear) {
  begin_block(linear);
  while (block.live > 0) {
    for (long warp : arranged(block.warps)) {
      run_warp((int)warp);
      if (stopped()) return;
    }
    if (block.live > 0 && !release_barrier()) return;
  }
  check_shared_canaries("the end of block " + describe(emu_now.block));
}

static void give_back_all_stacks() {
  for (Thread &thread : block.threads) {
    if (thread.stack) give_back_stack(thread.stack);
    thread.stack = nullptr;
  }
}

void run_grid() {
  random_order.seed(config.seed + 1);
  emu_now.block_dim = {config.block[0], config.block[1], config.block[2]};
  emu_now.grid_dim = {config.grid[0], config.grid[1], config.grid[2]};
  prepare_threads();
  long count = (long)config.grid[0] * config.grid[1] * config.grid[2];
  for (long linear : arranged(count)) {
    run_block(linear);
    if (stopped()) break;
  }
  give_back_all_stacks();
}

}  // namespace runtime

using namespace runtime;

extern "C" int emu_barrier(int predicate, emu_vote vote, const char *operation, emu_site site) {
  current->state = AT_BARRIER;
  current->operation = operation;
  current->site = site;
  current->predicate = !!predicate;
  wait();
  if (vote == EMU_AND) return block.votes == (int)block.threads.size();
  if (vote == EMU_OR) return block.votes > 0;
  return block.votes;
}

static bool waits_for_the_same(const Thread &other, const Thread &self) {
  return other.state == AT_COLLECTIVE && other.mask == self.mask && other.combine == self.combine &&
         other.site.line == self.site.line && other.operation == self.operation;
}

extern "C" void emu_collective(unsigned mask, void *deposit, emu_combine combine, const char *operation,
                               emu_site site) {
  Thread &self = *current;
  Thread *warp = &block.threads[self.warp * 32];
  int width = std::min(32, (int)block.threads.size() - self.warp * 32);
  if (width < 32) mask &= (1u << width) - 1;  // lanes that the block does not have
  if (!(mask >> self.lane & 1))
    emu_fail("%s %s:%d: lane %d is not in its own mask 0x%08x", operation, site.file, site.line, self.lane, mask);
  self.state = AT_COLLECTIVE;
  self.operation = operation, self.site = site;
  self.mask = mask, self.deposit = deposit, self.combine = combine;
  // From the next lane on: in forward order that one has not arrived yet, which ends the search at once.
  for (int step = 1; step < 32; step++) {
    int lane = (self.lane + step) % 32;
    if (!(mask >> lane & 1)) continue;
    if (warp[lane].state == EXITED)
      emu_fail("%s %s:%d: mask 0x%08x names lane %d, which has exited", operation, site.file, site.line, mask, lane);
    if (!waits_for_the_same(warp[lane], self)) return wait();
  }
  void *lanes[32];
  for (int lane = 0; lane < 32; lane++) lanes[lane] = mask >> lane & 1 ? warp[lane].deposit : nullptr;
  combine(lanes);
  for (int lane = 0; lane < width; lane++)
    if (mask >> lane & 1) warp[lane].state = READY;
  block.ready[self.warp] |= mask & ~(1u << self.lane);
}

// Of the warp operations only this one orders memory.
extern "C" void emu_syncwarp(unsigned mask, emu_site site) {
  emu_collective(mask, nullptr, [](void **) { next_warp_step(current->warp); }, "__syncwarp", site);
}
