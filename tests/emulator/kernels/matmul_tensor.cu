// c = a b in bfloat16 on tensor cores: one warp per 16 x 8 tile of c, double-buffered cp.async along k.
// m is a multiple of 16, n of 8, k of 16.
#include <cuda_bf16.h>
#include "tensor_core.cuh"

extern "C" __global__ void __launch_bounds__(32)
    matmul_tensor(const __nv_bfloat16 *__restrict__ a, const __nv_bfloat16 *__restrict__ b, float *__restrict__ c,
                  int n, int k) {
  __shared__ __align__(16) __nv_bfloat16 as[2][16][16];
  __shared__ __align__(16) __nv_bfloat16 bs[2][16][8];
  int lane = threadIdx.x, row0 = blockIdx.y * 16, column0 = blockIdx.x * 8;
  auto load = [&](int stage, int start) {
    copy_async(&as[stage][lane / 2][lane % 2 * 8], &a[(row0 + lane / 2) * k + start + lane % 2 * 8]);
    if (lane < 16) copy_async(&bs[stage][lane][0], &b[(start + lane) * n + column0]);
  };
  float sum[4] = {0, 0, 0, 0};
  load(0, 0);
  commit();
  for (int start = 0; start < k; start += 16) {
    int stage = start / 16 % 2;
    if (start + 16 < k) load(1 - stage, start + 16);
    commit();
    wait_all_but(1);
    __syncthreads();  // everybody's part of this stage has arrived
    unsigned fragment_a[4], fragment_b[2];
    load_a(fragment_a, &as[stage][lane % 16][lane / 16 * 8]);
    load_b(fragment_b, &bs[stage][lane % 16][0]);
    multiply(sum, fragment_a, fragment_b);
    __syncthreads();  // this stage may be overwritten
  }
  int row = row0 + lane / 4, column = column0 + lane % 4 * 2;
  *(float2 *)&c[row * n + column] = make_float2(sum[0], sum[1]);
  *(float2 *)&c[(row + 8) * n + column] = make_float2(sum[2], sum[3]);
}
