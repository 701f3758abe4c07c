// Tensor cores and background copies: the one file with their PTX (sm_80 and later). Under the emulator each wrapper
// calls a twin that moves the same fragments between the same lanes.
#pragma once

#include "scalar.cuh"

__device__ inline unsigned shared_address(const void* p) {
    return (unsigned)__cvta_generic_to_shared(p);
}

// sums (16, 8) += a (16, 16) @ b (16, 8), by one warp, in float.
__device__ inline void mma(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(DTYPE_F16)
#define MMA_TYPES "f32.f16.f16.f32"
#define MMA_TWIN emu_mma_m16n8k16_f16
#else
#define MMA_TYPES "f32.bf16.bf16.f32"
#define MMA_TWIN emu_mma_m16n8k16_bf16
#endif
#ifdef CUDA_EMU
    MMA_TWIN(sums, a, b);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col." MMA_TYPES " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Four 8x8 matrices of 16-bit elements from shared memory, matrix i into r[i]. Lane l gives the address of row l % 8 of
// matrix l / 8, and gets elements 2 * (l % 4) and the next of row l / 4: of the row, or of the column if TRANSPOSED.
template <bool TRANSPOSED>
__device__ inline void ldmatrix(unsigned (&r)[4], const void* row) {
#ifdef CUDA_EMU
    emu_ldmatrix<4, TRANSPOSED>(r, row);
#else
    if constexpr (TRANSPOSED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared_address(row))
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared_address(row))
                     : "memory");
#endif
}

// Two neighbours as mma takes them, the first in the low half.
__device__ inline unsigned pack(float low, float high) {
    scalar_t pair[2];
    store(pair, low);
    store(pair + 1, high);
    return pair[0].bits | (unsigned)pair[1].bits << 16;
}

// row[col] and row[col + 1], where they are among the row's `cols`; col is even, and so is where an even row begins.
__device__ inline void store_pair(scalar_t* row, int col, int cols, float first, float second) {
    if (cols % 2 == 0 && col < cols) {
        *(unsigned*)(row + col) = pack(first, second);
        return;
    }
    if (col < cols) store(row + col, first);
    if (col + 1 < cols) store(row + col + 1, second);
}

// 16 bytes from global to shared memory in the background; only the first `valid` are read, the rest become zeros.
__device__ inline void copy_async(void* to, const void* from, int valid) {
#ifdef CUDA_EMU
    emu_cp_async(to, from, 16, valid);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(shared_address(to)), "l"(from), "r"(valid)
                 : "memory");
#endif
}

// 8 elements, of which the first `valid` exist and the rest become zeros; in the background if they lie at 16 bytes.
__device__ inline void copy_chunk(scalar_t* to, const scalar_t* from, int valid) {
    if ((size_t)from % 16 == 0) return copy_async(to, from, valid * sizeof(scalar_t));
    for (int i = 0; i < 8; i++) to[i] = i < valid ? from[i] : scalar_t{0};
}

// Makes this thread's copies since the last commit a group.
__device__ inline void copy_commit() {
#ifdef CUDA_EMU
    emu_cp_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until all of this thread's groups but the latest PENDING have arrived.
template <int PENDING>
__device__ inline void copy_wait() {
#ifdef CUDA_EMU
    emu_cp_wait(PENDING);
#else
    asm volatile("cp.async.wait_group %0;" : : "n"(PENDING) : "memory");
#endif
}
