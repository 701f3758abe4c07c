// The threads that share out a kernel's blocks. Blocks are independent, so a result does not depend on how many there are.
#pragma once

namespace host {
// A kernel as its shared library exports it (kernels/host/entry.cuh): runs blocks [first, last) of a grid. Not 0 when a
// block met what it must not, an index out of range.
typedef int (*Entry)(const void* arguments, long first, long last, const unsigned* grid);

struct Launch {
    Entry entry;
    const void* arguments;
    unsigned grid[3];
};

// All blocks, on the calling thread alone or with the pool's; returns when they are done, with what entries returned.
int run_alone(const Launch& launch);
int run_shared(const Launch& launch);
// The same for blocks that call BLAS, each on its thread alone.
int run_products(const Launch& launch);
}  // namespace host

extern "C" void host_set_threads(int threads);
extern "C" int host_threads();
// From now on the pool's threads do what OpenBLAS shares out: its functions of these names are handed over.
extern "C" void host_work_for_blas(void (*set_threads)(int), int (*get_threads)(), void (*set_callback)(void*));
