// A job is dealt out in runs of blocks by a counter. The calling thread takes part, so it never waits for a thread that
// is still asleep: when no run is left it closes the job, and waits only for those who have joined. Where the cores are
// somebody else's, one who has joined may lose its core for a whole time slice: who was waited for so is not asked again
// for a while.
//
// The same threads do what OpenBLAS shares out: two sets of threads, each spinning for its next piece of work, would keep
// the cores from each other.
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <new>
#include <thread>
#include <vector>

#ifdef __x86_64__
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() asm volatile("yield")
#endif

namespace {
using host::Launch;

const int MOST_THREADS = 256;  // they are not given back: a number beyond all reason would use up the system's

// Nanoseconds. A training step's next kernel comes sooner than a sleeping thread wakes: a worker looks out for it,
// keeping its core at first, then offering it to others; one that was made use of is wanted there, and the worker sleeps.
const long SPIN_ALONE = 20'000, SPIN_FOR = 1'000'000, LOST = 50'000;
// Waited for longer than this, and than twice what the job took otherwise: a worker lost its core. The caller then works
// alone for PENALTY, doubled each time up to MOST_PENALTY.
const long LATE = 100'000, PENALTY = 2'000'000, MOST_PENALTY = 256'000'000;

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
    std::atomic<int> taken{0};
    long alone_until = 0, penalty = 0;  // whoever has taken the pool reads and writes them
};

Pool* pool = new Pool;  // never deleted: a worker may look at it while the process ends
std::atomic<int> threads{1};

// What is asked of the BLAS that NumPy has loaded, where it is an OpenBLAS that lets others do its work.
void (*set_blas_threads)(int);
int (*get_blas_threads)();

thread_local bool at_work = false;  // on a job: BLAS's work, if it calls for threads there, goes elsewhere

long now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000l + time.tv_nsec;
}

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

// Returns when there is a job after number `seen`, and its number.
unsigned next_posted(Pool* p, unsigned seen) {
    unsigned posted;
    const long began = now();
    for (long time = began; time - began < SPIN_FOR;) {
        for (int look = 0; look < 32; look++) {
            if ((posted = p->posted.load(std::memory_order_acquire)) != seen) return posted;
            PAUSE();
        }
        const long before = time;
        if (before - began > SPIN_ALONE) sched_yield();
        time = now();
        if (time - before > LOST) break;
    }
    while ((posted = p->posted.load(std::memory_order_acquire)) == seen) p->posted.wait(seen, std::memory_order_acquire);
    return posted;
}

void work(Pool* p, int index) {
    at_work = true;
    for (unsigned seen = 0;;) {
        if (join(p, index)) {
            take_part(p);
            p->state.fetch_sub(1, std::memory_order_release);
        }
        seen = next_posted(p, seen);
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

bool take(Pool* p) { return !p->taken.exchange(1, std::memory_order_acquire); }

void give_back(Pool* p) {
    p->taken.store(0, std::memory_order_release);
    p->taken.notify_one();
}

// With the pool taken: posts the job, takes part and waits for whoever has joined. Nanoseconds waited, -1 for nobody.
long share(Pool* p, const Launch& launch, long run, int workers) {
    if (p->started < workers) start(p, workers);
    p->launch = launch;
    p->blocks = blocks_of(launch);
    p->run = run;
    p->limit.store(workers, std::memory_order_relaxed);
    p->faults.store(0, std::memory_order_relaxed);
    p->next.store(0, std::memory_order_relaxed);
    p->state.fetch_add(OPEN, std::memory_order_release);
    p->posted.fetch_add(1, std::memory_order_release);
    p->posted.notify_all();
    const bool before = at_work;
    at_work = true;
    take_part(p);
    at_work = before;
    p->state.fetch_sub(OPEN, std::memory_order_acq_rel);
    if (!(p->state.load(std::memory_order_acquire) & (OPEN - 1))) return -1;
    const long began = now();
    long waited = 0;
    while (p->state.load(std::memory_order_acquire) & (OPEN - 1)) {
        if (waited < SPIN_ALONE) PAUSE();
        else sched_yield();
        waited = now() - began;
    }
    return waited;
}

// With the pool taken: all blocks, on several threads unless that went badly a moment ago.
int share_or_not(Pool* p, const Launch& launch, int workers) {
    const long began = now(), blocks = blocks_of(launch);
    if (began < p->alone_until) return host::run_alone(launch);
    const long run = blocks / (4 * (workers + 1));
    const long waited = share(p, launch, run > 1 ? run : 1, workers);
    if (waited > LATE) {
        const long ended = now();
        if (waited > (ended - began) / 3 * 2) {
            p->penalty = p->penalty ? (p->penalty < MOST_PENALTY ? 2 * p->penalty : MOST_PENALTY) : PENALTY;
            p->alone_until = ended + p->penalty;
        }
    } else if (waited >= 0) p->penalty /= 2;
    return p->faults.load(std::memory_order_relaxed);
}

// ---- OpenBLAS's work

typedef void (*Job)(int index, void* job, int data);

struct Jobs {
    Job job;
    char* each;
    unsigned long size;
    int data;
};

int run_jobs(const void* arguments, long first, long last, const unsigned*) {
    const Jobs& jobs = *(const Jobs*)arguments;
    for (long i = first; i < last; i++) jobs.job((int)i, jobs.each + i * jobs.size, jobs.data);
    return 0;
}

// All jobs at once, since they wait for each other: each on a thread of its own.
void do_blas_jobs(int, Job job, int count, unsigned long size, void* each, int data) {
    const Jobs jobs{job, (char*)each, size, data};
    Pool* p = pool;
    if (!at_work) {
        while (!take(p)) p->taken.wait(1, std::memory_order_acquire);
        if (p->started < count - 1) start(p, count - 1);
        if (p->started >= count - 1) {
            share(p, {run_jobs, &jobs, {(unsigned)count, 1, 1}}, 1, count - 1);
            return give_back(p);
        }
        give_back(p);
    }
    std::vector<std::thread> others;
    for (int i = 1; i < count; i++) others.emplace_back(run_jobs, &jobs, i, i + 1, nullptr);
    run_jobs(&jobs, 0, 1, nullptr);
    for (std::thread& other : others) other.join();
}
}  // namespace

namespace host {
int run_alone(const Launch& launch) { return launch.entry(launch.arguments, 0, blocks_of(launch), launch.grid); }

int run_shared(const Launch& launch) {
    Pool* p = pool;
    const int workers = threads.load(std::memory_order_relaxed) - 1;
    // Another Python thread has the pool: both its threads and this one are at work then.
    if (workers < 1 || blocks_of(launch) < 2 || !take(p)) return run_alone(launch);
    const int fault = share_or_not(p, launch, workers);
    give_back(p);
    return fault;
}

int run_products(const Launch& launch) {
    Pool* p = pool;
    const int workers = threads.load(std::memory_order_relaxed) - 1;
    if (workers < 1 || !take(p)) return run_alone(launch);
    // Only with the pool taken: what BLAS is at work on keeps the buffers that it lets go of here.
    const int before = get_blas_threads();
    set_blas_threads(1);
    at_work = true;
    const int fault = blocks_of(launch) < 2 ? run_alone(launch) : share_or_not(p, launch, workers);
    at_work = false;
    set_blas_threads(before);
    give_back(p);
    return fault;
}
}  // namespace host

extern "C" void host_set_threads(int count) {
    threads.store(count < MOST_THREADS ? count : MOST_THREADS, std::memory_order_relaxed);
}
extern "C" int host_threads() { return threads.load(std::memory_order_relaxed); }
extern "C" void host_work_for_blas(void (*set_threads)(int), int (*get_threads)(), void (*set_callback)(void*)) {
    set_blas_threads = set_threads;
    get_blas_threads = get_threads;
    set_callback((void*)do_blas_jobs);
}
