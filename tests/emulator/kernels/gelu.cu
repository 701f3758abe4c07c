// y = x Phi(x), with 16-byte loads and stores and a tail, for float and bfloat16.
#include <cuda_bf16.h>

template <class T> struct __align__(16) Pack { T v[16 / sizeof(T)]; };

__device__ inline float gelu(float x) { return 0.5f * x * (1 + erff(x * 0.70710678f)); }

template <class T> __device__ void gelu_all(const T *__restrict__ x, T *__restrict__ y, long long n) {
  constexpr int WIDTH = 16 / sizeof(T);
  long long packs = n / WIDTH, step = (long long)gridDim.x * blockDim.x;
  long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  for (long long i = first; i < packs; i += step) {
    Pack<T> in = __ldg((const Pack<T> *)x + i), out;
    for (int j = 0; j < WIDTH; j++) out.v[j] = T(gelu(in.v[j]));
    ((Pack<T> *)y)[i] = out;
  }
  for (long long i = packs * WIDTH + first; i < n; i += step) y[i] = T(gelu(x[i]));
}

#define GELU(T, suffix)                                                                          \
  extern "C" __global__ void __launch_bounds__(256) gelu_##suffix(const T *x, T *y, long long n) { \
    gelu_all<T>(x, y, n);                                                                        \
  }
GELU(float, f32)
GELU(__nv_bfloat16, bf16)
