// Many callers at once share out many jobs, and a BLAS jobs that wait for each other; every block must run once, and
// ThreadSanitizer find nothing.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "pool.h"

namespace {
struct Job {
    int* runs;  // of each block
    long fails_at;
};

int run_blocks(const void* arguments, long first, long last, const unsigned*) {
    const Job& job = *(const Job*)arguments;
    for (long block = first; block < last; block++) job.runs[block]++;
    return first <= job.fails_at && job.fails_at < last;
}

std::atomic<int> wrong{0};

// ---- a BLAS: how many threads it would use, and what it shares out by

std::atomic<int> blas_threads{4};
void (*share_out)(int, void (*)(int, void*, int), int, unsigned long, void*, int);

struct Meeting {
    std::atomic<int>* arrived;
    int expected, index;
};

void meet(int index, void* job, int data) {
    const Meeting& meeting = *(const Meeting*)job;
    if (index != meeting.index || data != 7) wrong++;
    ++*meeting.arrived;
    while (meeting.arrived->load() < meeting.expected) std::this_thread::yield();
}

void call_blas() {
    const int count = blas_threads.load();
    if (count == 1) return;
    std::atomic<int> arrived{0};
    std::vector<Meeting> meetings;
    for (int i = 0; i < count; i++) meetings.push_back({&arrived, count, i});
    share_out(1, meet, count, sizeof(Meeting), meetings.data(), 7);
    if (arrived.load() != count) wrong++;
}

int run_products(const void* arguments, long first, long last, const unsigned* grid) {
    call_blas();
    return run_blocks(arguments, first, last, grid);
}

void call_often(int seed) {
    for (int call = 0; call < 400; call++) {
        const unsigned blocks = 1 + (call * 7 + seed * 13) % 97;
        std::vector<int> runs(blocks, 0);
        const long fails_at = call % 5 ? -1l : (long)(blocks / 2);
        Job job{runs.data(), fails_at};
        const host::Launch kernel{run_blocks, &job, {blocks, 1, 1}}, products{run_products, &job, {blocks, 1, 1}};
        const int failed = call % 3 ? host::run_shared(kernel) : host::run_products(products);
        if (call % 7 == 0) call_blas();
        if (failed != (fails_at >= 0)) wrong++;
        for (int count : runs)
            if (count != 1) wrong++;
    }
}
}  // namespace

int main() {
    host_work_for_blas([](int count) { blas_threads = count; }, [] { return blas_threads.load(); },
                       [](void* callback) { share_out = (decltype(share_out))callback; });
    for (int threads : {2, 4, 3, 1, 4}) {
        host_set_threads(threads);
        std::vector<std::thread> callers;
        for (int seed = 0; seed < 4; seed++) callers.emplace_back(call_often, seed);
        for (std::thread& caller : callers) caller.join();
    }
    printf("%d wrong\n", wrong.load());
    return wrong != 0;
}
