// c = a b over tiles in shared memory: a (m, k), b (k, n), c (m, n). A block per tile of c, a thread per element.

#define TILE 16

extern "C" __global__ void __launch_bounds__(TILE * TILE)
    matmul(const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ c, int m, int n, int k) {
  __shared__ float as[TILE][TILE], bs[TILE][TILE];
  int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.y * TILE + ty, column = blockIdx.x * TILE + tx;
  float sum = 0;
  for (int start = 0; start < k; start += TILE) {
    as[ty][tx] = row < m && start + tx < k ? a[row * k + start + tx] : 0;
    bs[ty][tx] = start + ty < k && column < n ? b[(start + ty) * n + column] : 0;
    __syncthreads();  // the tiles are complete
#pragma unroll
    for (int i = 0; i < TILE; i++) sum += as[ty][i] * bs[i][tx];
    __syncthreads();  // nobody reads them any more
  }
  if (row < m && column < n) c[row * n + column] = sum;
}
