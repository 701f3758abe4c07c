// Signals during a launch: what an illegal access, a runaway loop or Ctrl-C turns into.
#include "runtime.h"

#include <csignal>
#include <cstdlib>
#include <pthread.h>
#include <sys/time.h>
#include <ucontext.h>

namespace runtime {

volatile bool stop_requested;
static volatile bool interrupt_seen;
static pthread_t launching_thread;

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGVTALRM, SIGINT};
static const int COUNT = sizeof SIGNALS / sizeof *SIGNALS;
static struct sigaction previous[COUNT];
static stack_t previous_stack;

static const struct sigaction &previous_of(int signal) {
  int i = 0;
  while (SIGNALS[i] != signal) i++;
  return previous[i];
}

#if defined(__x86_64__)
static const char *program_counter(const ucontext_t &context) {
  return (const char *)context.uc_mcontext.gregs[REG_RIP];
}
static const char *access_word(const ucontext_t &context) {
  return context.uc_mcontext.gregs[REG_ERR] & 2 ? "write" : "read";
}
#else
static const char *program_counter(const ucontext_t &context) { return (const char *)context.uc_mcontext.pc; }
static const char *access_word(const ucontext_t &) { return "access"; }
#endif

static std::string describe_address(const char *p) {
  if (on_a_stack(p)) return "the thread's stack overflowed";
  std::string shared = describe_shared_guard(p);
  if (!shared.empty()) return shared;
  const Buffer *buffer = find_buffer(p);
  if (!buffer) return p ? "outside every buffer" : "null pointer";
  std::string name = argument_of(*buffer) + format(" (%zu bytes)", (size_t)(buffer->end - buffer->begin));
  if (p >= buffer->end) return format("%zu bytes past the end of ", (size_t)(p - buffer->end)) + name;
  if (p < buffer->begin) return format("%zu bytes before ", (size_t)(buffer->begin - p)) + name;
  return format("%s is const, offset %zu", name.c_str(), (size_t)(p - buffer->begin));
}

static void on_fault(int signal, siginfo_t *info, void *raw_context) {
  if (!current || !pthread_equal(pthread_self(), launching_thread)) {
    // Not the kernel's doing. With the previous handler back in place the fault happens again and is treated there.
    sigaction(signal, &previous_of(signal), nullptr);
    return;
  }
  const ucontext_t &context = *(ucontext_t *)raw_context;
  std::string what = "integer division by zero or overflow";
  if (signal != SIGFPE) {
    const char *address = (const char *)info->si_addr;
    // An address that no mapping can have is not passed on by the processor.
    bool unknown = !address && info->si_code == SI_KERNEL;
    std::string where = unknown ? "outside every buffer" : describe_address(address);
    what = unknown ? "illegal access" : format("illegal %s at %p", access_word(context), address);
    what += ": " + where;
  }
  fail_at(program_counter(context) + 1, what);
}

void stop_thread(const void *pc) {
  if (interrupt_seen) abandon_thread();
  fail_at(pc, format("timeout after %.1f s: the kernel does not end,", config.timeout));
}

static void on_timer(int signal, siginfo_t *, void *raw_context) {
  if (!pthread_equal(pthread_self(), launching_thread)) {
    pthread_kill(launching_thread, signal);
    return;
  }
  stop_requested = true;
  // Only the kernel's own code may be left at any instruction; the runtime looks at stop_requested by itself.
  const char *pc = program_counter(*(ucontext_t *)raw_context);
  if (current && pc >= code_begin && pc < code_end) stop_thread(pc + 1);
}

static void arm_timer(double first, double every) {
  auto seconds = [](double s) { return timeval{(long)s, (long)((s - (long)s) * 1e6)}; };
  itimerval timer{seconds(every), seconds(first)};
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

// Python's own handler notes the interrupt, to be raised when the launch returns; the launch is then cut short.
static void on_interrupt(int signal, siginfo_t *info, void *context) {
  const struct sigaction &handler = previous_of(signal);
  if (handler.sa_flags & SA_SIGINFO) handler.sa_sigaction(signal, info, context);
  else handler.sa_handler(signal);
  interrupt_seen = stop_requested = true;
  arm_timer(0.01, 0.01);  // a thread that never comes back to the scheduler is left from on_timer
}

void install_fault_handlers() {
  static char alternate[64 << 10];
  stack_t stack{};
  stack.ss_sp = alternate, stack.ss_size = sizeof alternate;
  sigaltstack(&stack, &previous_stack);
  launching_thread = pthread_self();
  stop_requested = interrupt_seen = false;
  for (int i = 0; i < COUNT; i++) {
    struct sigaction action{};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // left by a switch of stacks: nothing stays blocked
    action.sa_sigaction = SIGNALS[i] == SIGVTALRM ? on_timer : SIGNALS[i] == SIGINT ? on_interrupt : on_fault;
    sigaction(SIGNALS[i], &action, &previous[i]);
    bool not_a_function = previous[i].sa_handler == SIG_DFL || previous[i].sa_handler == SIG_IGN;
    if (SIGNALS[i] == SIGINT && not_a_function) sigaction(SIGINT, &previous[i], nullptr);
  }
  if (config.timeout > 0) arm_timer(config.timeout, 0.01);
}

void restore_fault_handlers() {
  arm_timer(0, 0);
  for (int i = 0; i < COUNT; i++) sigaction(SIGNALS[i], &previous[i], nullptr);
  sigaltstack(&previous_stack, nullptr);
}

bool interrupted() { return interrupt_seen; }

}  // namespace runtime
