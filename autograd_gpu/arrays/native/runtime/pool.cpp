// A job is dealt out in runs of blocks by a counter. The calling thread takes part, so it never waits for a thread that
// is still asleep: when no run is left it closes the job, and waits only for those who have joined.
#include "pool.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <new>
#include <thread>

#ifdef __x86_64__
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() asm volatile("yield")
#endif

namespace {
using host::Launch;

const int MOST_THREADS = 256;  // they are not given back: a number beyond all reason would use up the system's

const int SPINS = 2000;  // some 20 us: a training step's next kernel comes sooner than a sleeping thread wakes

// One bit that says the job is open, and below it how many workers are in it.
typedef unsigned State;
const State OPEN = 1u << 31;

struct Pool {
    alignas(64) std::atomic<State> state{0};
    alignas(64) std::atomic<long> next{0};
    alignas(64) std::atomic<unsigned> posted{0};  // grows with each job: what sleeping workers look at
    Launch launch{};
    long blocks = 0, run = 1;
    int started = 0;  // workers that there are
    std::atomic<int> limit{0};  // of them may join; looked at before one has
    std::atomic<int> faults{0};
    std::atomic<bool> taken{false};
};

Pool* pool = new Pool;  // never deleted: a worker may look at it while the process ends
std::atomic<int> threads{1};

void take_part(Pool* p) {
    for (;;) {
        long first = p->next.fetch_add(p->run, std::memory_order_relaxed);
        if (first >= p->blocks) return;
        long last = first + p->run < p->blocks ? first + p->run : p->blocks;
        int fault = p->launch.entry(p->launch.arguments, first, last, p->launch.grid);
        if (fault) p->faults.store(fault, std::memory_order_relaxed);
    }
}

bool join(Pool* p, int index) {
    State seen = p->state.load(std::memory_order_acquire);
    while (seen & OPEN) {
        if (index >= p->limit.load(std::memory_order_relaxed)) return false;
        if (p->state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
}

void work(Pool* p, int index) {
    unsigned seen = 0;
    for (;;) {
        if (join(p, index)) {
            take_part(p);
            p->state.fetch_sub(1, std::memory_order_release);
        }
        int spins = 0;
        unsigned now;
        while ((now = p->posted.load(std::memory_order_acquire)) == seen)
            if (++spins < SPINS) PAUSE();
            else p->posted.wait(seen, std::memory_order_acquire);
        seen = now;
    }
}

// The child of a fork has the pool's memory and none of its threads.
void after_fork() { pool = new Pool; }

void start(Pool* p, int workers) {
    static bool first = (pthread_atfork(nullptr, nullptr, after_fork), true);
    (void)first;
    sigset_t all, before;  // a signal is for Python's threads
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        for (; p->started < workers; p->started++) std::thread(work, p, p->started).detach();
    } catch (...) {  // no more threads to be had: those there are will do
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

long blocks_of(const Launch& launch) { return (long)launch.grid[0] * launch.grid[1] * launch.grid[2]; }
}  // namespace

namespace host {
int run_alone(const Launch& launch) { return launch.entry(launch.arguments, 0, blocks_of(launch), launch.grid); }

int run_shared(const Launch& launch) {
    Pool* p = pool;
    int workers = threads.load(std::memory_order_relaxed) - 1;
    long blocks = blocks_of(launch);
    // Another Python thread has the pool: both its threads and this one are at work then.
    if (workers < 1 || blocks < 2 || p->taken.exchange(true, std::memory_order_acquire)) return run_alone(launch);
    if (p->started < workers) start(p, workers);
    p->launch = launch;
    p->blocks = blocks;
    p->run = blocks / (4 * (workers + 1)) > 1 ? blocks / (4 * (workers + 1)) : 1;
    p->limit.store(workers, std::memory_order_relaxed);
    p->faults.store(0, std::memory_order_relaxed);
    p->next.store(0, std::memory_order_relaxed);
    p->state.fetch_add(OPEN, std::memory_order_release);
    p->posted.fetch_add(1, std::memory_order_release);
    p->posted.notify_all();
    take_part(p);
    p->state.fetch_sub(OPEN, std::memory_order_acq_rel);
    for (int spins = 0; p->state.load(std::memory_order_acquire) & (OPEN - 1);)
        if (++spins < SPINS) PAUSE();
        else std::this_thread::yield();
    int fault = p->faults.load(std::memory_order_relaxed);
    p->taken.store(false, std::memory_order_release);
    return fault;
}
}  // namespace host

extern "C" void host_set_threads(int count) {
    threads.store(count < MOST_THREADS ? count : MOST_THREADS, std::memory_order_relaxed);
}
extern "C" int host_threads() { return threads.load(std::memory_order_relaxed); }
