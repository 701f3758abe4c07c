// Many callers at once share out many jobs; every block must run once, and ThreadSanitizer find nothing.
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

void call_often(int seed) {
    for (int call = 0; call < 400; call++) {
        const unsigned blocks = 1 + (call * 7 + seed * 13) % 97;
        std::vector<int> runs(blocks, 0);
        const long fails_at = call % 5 ? -1l : (long)(blocks / 2);
        Job job{runs.data(), fails_at};
        if (host::run_shared({run_blocks, &job, {blocks, 1, 1}}) != (fails_at >= 0)) wrong++;
        for (int count : runs)
            if (count != 1) wrong++;
    }
}
}  // namespace

int main() {
    for (int threads : {2, 4, 3, 1, 4}) {
        host_set_threads(threads);
        std::vector<std::thread> callers;
        for (int seed = 0; seed < 4; seed++) callers.emplace_back(call_often, seed);
        for (std::thread& caller : callers) caller.join();
    }
    printf("%d wrong\n", wrong.load());
    return wrong != 0;
}
