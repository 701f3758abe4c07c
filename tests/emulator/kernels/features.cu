// One kernel per feature of CUDA C that the emulator promises.
#include <cuda_fp16.h>

__constant__ int primes[4] = {2, 3, 5, 7};

// out (9, 32): a row per operation, a column per lane.
extern "C" __global__ void warp_operations(int *out) {
  const unsigned all = 0xffffffffu;
  int lane = threadIdx.x;
  out[0 * 32 + lane] = (int)__ballot_sync(all, lane % 3 == 0);
  out[1 * 32 + lane] = __any_sync(all, lane == 7);
  out[2 * 32 + lane] = __all_sync(all, lane < 31);
  out[3 * 32 + lane] = __shfl_up_sync(all, lane, 3);
  out[4 * 32 + lane] = __shfl_down_sync(all, lane, 5, 16);
  out[5 * 32 + lane] = __shfl_sync(all, lane * 10, 9, 8);
  if (lane < 16) out[6 * 32 + lane] = __shfl_xor_sync(0x0000ffffu, lane, 4);
  else out[6 * 32 + lane] = __shfl_xor_sync(0xffff0000u, lane, 1);
  __syncwarp();
  out[7 * 32 + lane] = __popc(__ballot_sync(all, lane & 1)) + primes[lane % 4];
  out[8 * 32 + lane] = __reduce_max_sync(all, lane * 7 % 32) + (int)__popc(__match_any_sync(all, lane / 4));
}

extern "C" __global__ void votes(int *out) {
  int t = threadIdx.x;
  int count = __syncthreads_count(t % 3 == 0), all = __syncthreads_and(t < 63), any = __syncthreads_or(t == 63);
  out[t] = count * 100 + all * 10 + any;
}

extern "C" __global__ void three_dimensions(int *out) {
  int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  int blocks = blockIdx.z * 100 + blockIdx.y * 10 + blockIdx.x;
  out[block * (blockDim.x * blockDim.y * blockDim.z) + thread] =
      blocks * 1000 + threadIdx.z * 100 + threadIdx.y * 10 + threadIdx.x;
}

extern "C" __global__ void atomics(double *total, int *histogram, float *count, unsigned *flags, int n) {
  __shared__ int counts[4];
  if (threadIdx.x < 4) counts[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    atomicAdd(&counts[i % 4], 1);
    atomicAdd(total, (double)i);
    atomicAdd(count, 1.0f);
    atomicMax((int *)&flags[0], i);
    atomicMin((int *)&flags[1], i);
    atomicOr(&flags[2], 1u << i % 32);
    atomicInc(&flags[3], 9);
  }
  __syncthreads();
  if (threadIdx.x < 4) atomicAdd(&histogram[threadIdx.x], counts[threadIdx.x]);
}

extern "C" __global__ void halves(const __half *x, __half *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = __hfma(x[i], x[i], __float2half(0.5f)) - x[i] * __float2half(2.0f);
}

// c (16, 8) = a (16, 8) b (8, 8) in tf32, one warp.
extern "C" __global__ void tf32_tile(const float *a, const float *b, float *c) {
  int group = threadIdx.x / 4, t = threadIdx.x % 4;
  float d[4] = {0, 0, 0, 0};
  unsigned fragment_a[4], fragment_b[2];
  for (int r = 0; r < 4; r++) fragment_a[r] = __float_as_uint(a[(group + r % 2 * 8) * 8 + t + r / 2 * 4]);
  for (int r = 0; r < 2; r++) fragment_b[r] = __float_as_uint(b[(t + r * 4) * 8 + group]);
  emu_mma_m16n8k8_tf32(d, fragment_a, fragment_b);
  for (int r = 0; r < 4; r++) c[(group + r / 2 * 8) * 8 + t * 2 + r % 2] = d[r];
}

struct Shape {
  int rank;
  long long sizes[3];
};

// A struct by value between scalars of other alignments, and a struct that holds a pointer.
struct Target {
  float *values;
  long long count;
};
extern "C" __global__ void structs(char tag, Shape shape, bool flag, Target target, double factor) {
  if (threadIdx.x < target.count)
    target.values[threadIdx.x] = (float)(shape.sizes[shape.rank - 1] * factor) + tag + (flag ? 100 : 0);
}

extern "C" __global__ void vectors(const float4 *x, int2 *y) {
  float4 v = x[threadIdx.x];
  y[threadIdx.x] = make_int2((int)(v.x + v.y), (int)(v.z * v.w));
}

#define EVALUATE(i, f) out[(i) * n + t] = f(x[t]);
extern "C" __global__ void functions(const float *x, float *out, int n) {
  int t = threadIdx.x;
  if (t >= n) return;
  EVALUATE(0, expf) EVALUATE(1, __logf) EVALUATE(2, rsqrtf) EVALUATE(3, tanhf) EVALUATE(4, erff) EVALUATE(5, erfcf)
  EVALUATE(6, erfinvf) EVALUATE(7, rintf) EVALUATE(8, normcdff) EVALUATE(9, cospif) EVALUATE(10, log1p) EVALUATE(11, cbrtf)
}

extern "C" __global__ void integers(unsigned *out) {
  out[0] = __umulhi(0xdeadbeefu, 0x12345678u);
  out[1] = (unsigned)(__umul64hi(0xdeadbeefcafebabeull, 0x123456789abcdef0ull) >> 32);
  out[2] = __brev(0x00000013u);
  out[3] = __clz(0x00ff0000) * 100 + __ffs(0x00ff0000);
  out[4] = __byte_perm(0x03020100u, 0x07060504u, 0x7531);
  out[5] = __funnelshift_l(0x80000001u, 0x00000001u, 4);
  out[6] = max(3, -5) + min(7u, 9u) + abs(-4);
  out[7] = __float2int_rn(2.5f) + __float2int_rd(-1.5f) + __float2int_rz(1e20f) % 10;
}
