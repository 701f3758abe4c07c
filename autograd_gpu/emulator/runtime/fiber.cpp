// A stack and a context switch for each CUDA thread. Knows nothing of CUDA.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime.h"

#if defined(__x86_64__)
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch, .-emu_switch
)");
static const int SAVED_WORDS = 7, RETURN_WORD = 6;
static const int ENTRY_MISALIGNMENT = 8;  // a function is entered with the stack 8 bytes off a multiple of 16
#elif defined(__aarch64__)
asm(R"(
.text
.globl emu_switch
.type emu_switch,%function
emu_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size emu_switch, .-emu_switch
)");
static const int SAVED_WORDS = 20, RETURN_WORD = 11;
static const int ENTRY_MISALIGNMENT = 0;
#else
#error "the emulator knows the calling conventions of x86-64 and aarch64 only"
#endif

namespace runtime {

static const size_t STACK = 64 << 10;
static const int MOST_STACKS = 1024;
static char *stacks;
static size_t guard, stride;
static std::vector<char *> free_stacks;

static void reserve_stacks() {
  guard = sysconf(_SC_PAGESIZE);
  stride = STACK + guard;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapping = mmap(nullptr, MOST_STACKS * stride, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapping == MAP_FAILED) abort();
  stacks = (char *)mapping;
  for (int i = MOST_STACKS - 1; i >= 0; i--) {
    mprotect(stacks + i * stride, guard, PROT_NONE);
    // Staggered, or the hot ends of all stacks would share a few cache sets.
    free_stacks.push_back(stacks + (i + 1) * stride - i % 16 * 192);
  }
}

// Last given back, first taken: a kernel without barriers runs all its threads on one warm stack.
char *take_stack() {
  if (!stacks) reserve_stacks();
  char *top = free_stacks.back();
  free_stacks.pop_back();
  return top;
}

void give_back_stack(char *top) { free_stacks.push_back(top); }

bool on_a_stack(const void *p) { return stacks && p >= stacks && p < stacks + MOST_STACKS * stride; }

void *prepare_fiber(char *stack_top, void (*entry)()) {
  void **frame = (void **)(stack_top - ENTRY_MISALIGNMENT) - SAVED_WORDS;
  for (int i = 0; i < SAVED_WORDS; i++) frame[i] = nullptr;
  frame[RETURN_WORD] = (void *)entry;
  return frame;
}

}  // namespace runtime
