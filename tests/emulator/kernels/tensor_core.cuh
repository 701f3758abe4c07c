// The instructions of the tensor cores, for bfloat16; under the emulator their host twins.
#pragma once

#ifdef CUDA_EMU
__device__ inline void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  emu_mma_m16n8k16_bf16(d, a, b);
}
__device__ inline void load_a(unsigned (&r)[4], const void *row) { emu_ldmatrix<4, false>(r, row); }
__device__ inline void load_b(unsigned (&r)[2], const void *row) { emu_ldmatrix<2, true>(r, row); }
__device__ inline void copy_async(void *to, const void *from) { emu_cp_async(to, from, 16, 16); }
__device__ inline void commit() { emu_cp_commit(); }
__device__ inline void wait_all_but(int groups) { emu_cp_wait(groups); }
#else
#error "these tests have no GPU"
#endif
