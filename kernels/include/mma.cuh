// Tensor cores and background copies: the one file with their PTX. Under the emulator each wrapper calls a twin that
// moves the same fragments between the same lanes.
//
// float16, bfloat16 and, in tf32, float32 from sm_80 on. On sm_75 float16 alone: there is no other mma, one of half the
// depth stands in for it twice, and copies are not in the background.
#pragma once

#include "scalar.cuh"

#if !defined(CUDA_EMU) && __CUDA_ARCH__ < 800
#define TURING 1
#ifndef DTYPE_F16
#error "the tensor cores of sm_75 take float16 alone"
#endif
#endif

const int CHUNK = 16 / sizeof(scalar_t);      // elements of a 16-byte copy
const int MMA_DEPTH = 32 / sizeof(scalar_t);  // how many products mma sums up

__device__ inline unsigned shared_address(const void* p) {
    return (unsigned)__cvta_generic_to_shared(p);
}

#if defined(DTYPE_F32)
#define MMA "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"
#define MMA_TWIN emu_mma_m16n8k8_tf32
#elif defined(DTYPE_BF16)
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"
#define MMA_TWIN emu_mma_m16n8k16_bf16
#else
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
#define MMA_TWIN emu_mma_m16n8k16_f16
#endif

// sums (16, 8) += a (16, MMA_DEPTH) @ b (MMA_DEPTH, 8), by one warp, in float.
__device__ inline void mma(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(CUDA_EMU)
    MMA_TWIN(sums, a, b);
#elif defined(TURING)
    for (int half = 0; half < 2; half++)
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
                     "{%0, %1, %2, %3};"
                     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                     : "r"(a[half * 2]), "r"(a[half * 2 + 1]), "r"(b[half]));
#else
    asm volatile(MMA " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// A register of mma's operands as mma takes it: a float rounded to tf32's 10 bits, ties away from zero. Left to itself
// mma cuts them off, which doubles the error and gives it a direction.
__device__ inline unsigned operand(unsigned bits) {
#if !defined(DTYPE_F32)
    return bits;
#elif defined(CUDA_EMU)
    return (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
#else
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__int_as_float(bits)));
    return rounded;
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

#ifndef DTYPE_F32
// Two neighbours as mma takes them, the first in the low half.
__device__ inline unsigned pack(float low, float high) {
    scalar_t pair[2];
    store(pair, low);
    store(pair + 1, high);
    return pair[0].bits | (unsigned)pair[1].bits << 16;
}
#endif

// row[col] and row[col + 1], where they are among the row's `cols`; col is even, and so is where an even row begins.
__device__ inline void store_pair(scalar_t* row, int col, int cols, float first, float second) {
    if (cols % 2 == 0 && col < cols) {
        Pack<scalar_t, 2> pair;
        store(&pair.item[0], first);
        store(&pair.item[1], second);
        *(Pack<scalar_t, 2>*)(row + col) = pair;
        return;
    }
    if (col < cols) store(row + col, first);
    if (col + 1 < cols) store(row + col + 1, second);
}

// 16 bytes from global to shared memory in the background; only the first `valid` are read, the rest become zeros.
__device__ inline void copy_async(void* to, const void* from, int valid) {
#if defined(CUDA_EMU)
    emu_cp_async(to, from, 16, valid);
#elif defined(TURING)
    for (int i = 0; i < 8; i++) ((f16*)to)[i] = i * 2 < valid ? ((const f16*)from)[i] : f16{0};
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(shared_address(to)), "l"(from), "r"(valid)
                 : "memory");
#endif
}

// A chunk, of which the first `valid` elements exist and the rest become zeros; in the background if it lies at 16 bytes.
__device__ inline void copy_chunk(scalar_t* to, const scalar_t* from, int valid) {
    if ((size_t)from % 16 == 0) return copy_async(to, from, valid * sizeof(scalar_t));
    for (int i = 0; i < CHUNK; i++) to[i] = i < valid ? from[i] : scalar_t{0};
}

// Makes this thread's copies since the last commit a group.
__device__ inline void copy_commit() {
#if defined(CUDA_EMU)
    emu_cp_commit();
#elif !defined(TURING)
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until all of this thread's groups but the latest PENDING have arrived.
template <int PENDING>
__device__ inline void copy_wait() {
#if defined(CUDA_EMU)
    emu_cp_wait(PENDING);
#elif !defined(TURING)
    asm volatile("cp.async.wait_group %0;" : : "n"(PENDING) : "memory");
#endif
}
