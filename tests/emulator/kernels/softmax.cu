// y[r, :] = softmax(x[r, :]). One block per row, the row kept in dynamic shared memory.

#define NEGATIVE_INFINITY __int_as_float(0xff800000)

struct Max {
  __device__ static float fold(float a, float b) { return fmaxf(a, b); }
};
struct Sum {
  __device__ static float fold(float a, float b) { return a + b; }
};

template <class Op> __device__ float block_reduce(float value, float identity) {
  __shared__ float partial[32];
  __shared__ float total;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = (blockDim.x + 31) / 32;
  for (int offset = 16; offset > 0; offset /= 2)
    value = Op::fold(value, __shfl_down_sync(0xffffffffu, value, offset));
  if (lane == 0) partial[warp] = value;
  __syncthreads();  // partial is complete
  if (warp == 0) {
    value = lane < warps ? partial[lane] : identity;
    for (int offset = 16; offset > 0; offset /= 2)
      value = Op::fold(value, __shfl_xor_sync(0xffffffffu, value, offset));
    if (lane == 0) total = value;
  }
  __syncthreads();  // total is there
  return total;
}

extern "C" __global__ void __launch_bounds__(256)
    softmax_forward(const float *__restrict__ x, float *__restrict__ y, int columns) {
  extern __shared__ __align__(16) float row[];
  x += (long long)blockIdx.x * columns;
  y += (long long)blockIdx.x * columns;
  float largest = NEGATIVE_INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    row[c] = __ldg(x + c);
    largest = fmaxf(largest, row[c]);
  }
  largest = block_reduce<Max>(largest, NEGATIVE_INFINITY);
  float sum = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    row[c] = __expf(row[c] - largest);
    sum += row[c];
  }
  sum = block_reduce<Sum>(sum, 0);
  for (int c = threadIdx.x; c < columns; c += blockDim.x) y[c] = __fdividef(row[c], sum);
}

// dx = y * (dy - sum(y * dy)), a row per block.
extern "C" __global__ void softmax_backward(const float *y, const float *dy, float *dx, int columns) {
  long long start = (long long)blockIdx.x * columns;
  float dot = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) dot += y[start + c] * dy[start + c];
  dot = block_reduce<Sum>(dot, 0);
  for (int c = threadIdx.x; c < columns; c += blockDim.x) dx[start + c] = y[start + c] * (dy[start + c] - dot);
}
