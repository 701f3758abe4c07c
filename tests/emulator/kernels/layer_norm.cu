// Layer normalisation over rows of x (rows, columns), and the gradients of its bias.

__device__ float warp_sum(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

__device__ float2 block_sum(float a, float b) {
  __shared__ float2 partial[32];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  a = warp_sum(a);
  b = warp_sum(b);
  __syncthreads();  // partial may still be read from the call before
  if (lane == 0) partial[warp] = make_float2(a, b);
  __syncthreads();  // partial is complete
  float2 mine = lane < warps ? partial[lane] : make_float2(0, 0);
  return make_float2(warp_sum(mine.x), warp_sum(mine.y));
}

// y = (x - mean) * rstd * weight + bias; a block per row, block size a multiple of 32.
extern "C" __global__ void __launch_bounds__(128)
    layer_norm_forward(const float *x, const float *weight, const float *bias, float *y, int columns, float epsilon) {
  x += (long long)blockIdx.x * columns;
  y += (long long)blockIdx.x * columns;
  float sum = 0, squares = 0;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += x[c];
  float mean = block_sum(sum, 0).x / columns;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) squares += (x[c] - mean) * (x[c] - mean);
  float rstd = rsqrtf(block_sum(squares, 0).x / columns + epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x) y[c] = (x[c] - mean) * rstd * weight[c] + bias[c];
}

// dbias = sum over rows of dy, by partial sums in shared memory and an atomic addition each.
extern "C" __global__ void layer_norm_dbias(const float *dy, float *dbias, int rows, int columns) {
  extern __shared__ float partial[];
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    partial[c] = 0;
    for (int r = blockIdx.x; r < rows; r += gridDim.x) partial[c] += dy[(long long)r * columns + c];
    atomicAdd(&dbias[c], partial[c]);
  }
}
