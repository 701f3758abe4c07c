// The runtime's own declarations. Everything runs on one OS thread, under Python's lock: plain globals suffice.
//
//   launch.cpp          a launch from its first check to its last
//   scheduler.cpp       blocks, warps and threads; barriers and warp collectives
//   fiber.cpp           the stack and the context switch behind each CUDA thread
//   device_memory.cpp   guarded buffers
//   shared_memory.cpp   __shared__ variables
//   async_copy.cpp      cp.async
//   race.cpp            the race, bounds and initialisation checker
//   sanitizer_hooks.cpp what -fsanitize=thread and -fsanitize=undefined call in a kernel
//   faults.cpp          signals
//   report.cpp          the text of a failure
#pragma once

#define EMU_RUNTIME
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/abi.h"

namespace runtime {

// Packed by module.py (_CONFIG), field by field.
struct LaunchConfig {
  unsigned grid[3], block[3];
  unsigned dynamic_shared, shared_limit;
  int order;  // of blocks, warps and lanes: see Order
  unsigned seed;
  int racecheck;
  double timeout;  // seconds of CPU time
};
enum Order { FORWARD, REVERSE, RANDOM };

// ---- report.cpp
void set_failure(std::string text);  // the first one stays
bool failed();
std::string format(const char *text, ...) __attribute__((format(printf, 1, 2)));
std::string describe(emu_dim index);        // "(0,1,0)"
std::string current_thread();               // "block (0,0,0) thread (5,0,0)"
std::string code_location(const void *pc);  // a mark that Python turns into "at softmax.cu:12"
void extend_failure(const std::string &text);
[[noreturn]] void abandon_thread();  // after a failure: back to the scheduler for good
[[noreturn]] void fail_at(const void *pc, const std::string &what);

// ---- device_memory.cpp
struct Cell;  // race.cpp
struct Buffer {
  char *mapping;  // inaccessible guard, pages, inaccessible guard
  size_t mapping_size;
  char *pages_begin, *pages_end;
  char *begin, *end;  // what was asked for: up to 15 bytes before pages_end
  uint16_t canary;    // fills the slack of the first and the last page
  bool live, read_only;
  Cell *cells;  // one a byte, from `begin`; allocated at the first race-checked access
};
Buffer *find_buffer(const void *p);  // the one whose mapping, guards included, holds p
bool protect_arguments(const emu_kernel &kernel, const char *packed);
void release_arguments();
std::string argument_of(const Buffer &buffer);  // "argument 1 'y'"
void fill(char *begin, char *end, uint16_t pattern);
const char *first_difference(const char *begin, const char *end, uint16_t pattern);

// NaN in float16, bfloat16, float32 and float64, and in none of them the NaN that arithmetic makes.
constexpr uint16_t POISON = 0xfff5;

// ---- shared_memory.cpp
struct SharedVariable {
  const void *key;
  char *begin;
  size_t size;
  const char *name;
  int line;
};
extern char *shared_begin, *shared_end;  // the arena of the running block
extern char *dynamic_begin;
extern std::vector<SharedVariable> shared_variables;
void begin_shared_memory();
bool check_shared_canaries(const std::string &when);
std::string describe_shared_guard(const char *p);  // empty when p is not near the arena

// ---- fiber.cpp
char *take_stack();
void give_back_stack(char *top);
bool on_a_stack(const void *p);
void *prepare_fiber(char *stack_top, void (*entry)());
extern "C" void emu_switch(void **save_stack_pointer, void *load_stack_pointer);

// ---- scheduler.cpp
enum ThreadState { READY, AT_BARRIER, AT_COLLECTIVE, EXITED };
struct AsyncCopy {
  char *destination;
  const char *source;
  int size, source_size, group;
};
struct Thread {
  emu_dim index;
  int linear, warp, lane;
  ThreadState state;
  char *stack;  // null before the first step and after the last
  void *stack_pointer;
  const char *operation;  // where it waits
  emu_site site;
  int predicate;
  unsigned mask;
  void *deposit;
  emu_combine combine;
  std::vector<AsyncCopy> copies;
  int copy_group;
};
struct Block {
  std::vector<Thread> threads;
  std::vector<uint32_t> ready;  // a bit a lane, for each warp
  int warps, live, votes;
};
extern Thread *current;  // null while the scheduler itself runs
extern Block block;
extern void *scheduler_stack_pointer;
void run_grid();

// ---- launch.cpp
extern LaunchConfig config;
extern const emu_kernel *kernel;
extern const char *packed_arguments;
extern const char *code_begin, *code_end;  // of the kernel's shared object
emu_dim block_index(long linear);
emu_dim thread_index(int linear);

// ---- race.cpp
enum class Access { READ, WRITE, ATOMIC };
void begin_race_check();
void next_block(long linear);
void next_interval();           // a barrier: what came before is ordered
void next_warp_step(int warp);  // __syncwarp, for that warp alone
void check_access(const void *p, size_t size, Access access, const void *pc);
void mark_in_flight(char *p, size_t size);
bool in_shared_arena(const void *p);
void report_races();
void forget_races(Buffer &buffer);

// ---- faults.cpp
extern volatile bool stop_requested;  // Ctrl-C or time out: the launch ends at the next step that can end it
void install_fault_handlers();
void restore_fault_handlers();
bool interrupted();
[[noreturn]] void stop_thread(const void *pc);

}  // namespace runtime
