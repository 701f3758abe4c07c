// Optimiser steps over all parameters at once, in place, and the norm of all gradients. Learning rates, step counts and
// factors live in device memory, so that a captured training step reads what they are when it is replayed.
#include "reduce.cuh"
#include "table.cuh"

#define TABLE const __grid_constant__ Table here, const long long *there, int tensors

// What happens to every gradient before it is used. Null pointers: nothing.
struct Gradient {
    acc_t factor;  // -1 to climb

    __device__ Gradient(const double* scale, int maximize) : factor((scale ? *scale : 1.0) * (maximize ? -1 : 1)) {}

    __device__ acc_t operator()(acc_t g, acc_t p, acc_t weight_decay) const { return factor * g + weight_decay * p; }
};

// ---- stochastic gradient descent

// Momentum as in Sutskever et al. 2013, with PyTorch's dampening. Columns: parameter, gradient, momentum buffer (null
// without momentum; `first` fills it). Nothing happens where *found_inf is not 0: some gradient had overflowed.
extern "C" __global__ void sgd_step(TABLE, const double* lr, const double* scale, const float* found_inf,
                                    acc_t momentum, acc_t dampening, acc_t weight_decay, int nesterov, int maximize,
                                    int first) {
    if (found_inf && *found_inf) return;
    Part part = my_part<3>(here, there, tensors);
    auto parameter = part.array<scalar_t>(0), buffer = part.array<scalar_t>(2);
    auto gradient = part.array<const scalar_t>(1);
    const Gradient prepared(scale, maximize);
    const acc_t rate = *lr;

    if (!buffer) {
        update_part(part, [=](acc_t& p, acc_t g) { p -= rate * prepared(g, p, weight_decay); }, parameter, gradient);
        return;
    }
    auto step = [=](acc_t& p, acc_t g, acc_t& v) {
        g = prepared(g, p, weight_decay);
        v = first ? g : momentum * v + (1 - dampening) * g;
        p -= rate * (nesterov ? g + momentum * v : v);
    };
    update_part(part, step, parameter, gradient, buffer);
}

// ---- Adam

// Columns: parameter, gradient, exp_avg, exp_avg_sq, max_exp_avg_sq (null without amsgrad), step.
const int ADAM_COLUMNS = 6, STEP = 5;

// Every tensor's step count goes up by one. A launch of its own: all blocks of the next read it.
extern "C" __global__ void advance_steps(TABLE, const float* found_inf) {
    int tensor = blockIdx.x * blockDim.x + threadIdx.x;
    if (tensor >= tensors || (found_inf && *found_inf)) return;
    *(float*)row_of<ADAM_COLUMNS>(here, there, tensor)[STEP] += 1;
}

// Kingma & Ba 2015; decoupled weight decay: Loshchilov & Hutter 2019, algorithm 2; amsgrad: Reddi, Kale & Kumar 2018.
// The betas come in double, since 1 - beta would lose digits in float; 1 - beta^step is -expm1(step log(beta)), which
// keeps them while step is small.
extern "C" __global__ void adam_step(TABLE, const double* lr, const double* scale, const float* found_inf, double beta1,
                                     double beta2, acc_t log_beta1, acc_t log_beta2, acc_t eps, acc_t weight_decay,
                                     int decoupled, int maximize) {
    if (found_inf && *found_inf) return;
    Part part = my_part<ADAM_COLUMNS>(here, there, tensors);
    auto parameter = part.array<scalar_t>(0), exp_avg = part.array<scalar_t>(2), exp_avg_sq = part.array<scalar_t>(3);
    auto gradient = part.array<const scalar_t>(1);
    auto max_exp_avg_sq = part.array<scalar_t>(4);

    const acc_t count = *(const float*)part.row[STEP];
    const acc_t keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2;
    const acc_t shrink = decoupled ? 1 - acc_t(*lr) * weight_decay : 1, added_decay = decoupled ? 0 : weight_decay;
    const acc_t rate = acc_t(*lr) / -expm1(count * log_beta1), correction = 1 / sqrt(-expm1(count * log_beta2));
    const Gradient prepared(scale, maximize);

    auto step = [=](acc_t& p, acc_t g, acc_t& m, acc_t& v, acc_t& largest) {
        g = prepared(g, p, added_decay);
        m = keep1 * m + take1 * g;
        v = keep2 * v + take2 * g * g;
        largest = Maximum()(largest, v);
        p = p * shrink - rate * m / (sqrt(largest) * correction + eps);
    };
    if (max_exp_avg_sq) {
        update_part(part, step, parameter, gradient, exp_avg, exp_avg_sq, max_exp_avg_sq);
        return;
    }
    auto without_amsgrad = [=](acc_t& p, acc_t g, acc_t& m, acc_t& v) {
        acc_t largest = 0;  // v is never less
        step(p, g, m, v, largest);
    };
    update_part(part, without_amsgrad, parameter, gradient, exp_avg, exp_avg_sq);
}

// ---- the norm of all gradients, and scaling them all

#ifdef CUDA_HOST

#include "lanes.cuh"

// As below, in the order of lanes.cuh.
FLATTENED static double squares(const scalar_t* x, int count) {
    Sums sums;
    each_column(count, [&](long long i, int lane) { sums.add(lane, load(x + i) * load(x + i)); });
    return sums.total();
}

extern "C" __global__ void sum_of_squares(TABLE, double* partial) {
    Part part = my_part<1>(here, there, tensors);
    partial[blockIdx.x] = squares(part.array<const scalar_t>(0), part.count);
}

#else

// partial[block] = the sum of x^2 over a block's part. In a fixed order, like every sum here.
extern "C" __global__ void sum_of_squares(TABLE, double* partial) {
    __shared__ double scratch[WARP];
    Part part = my_part<1>(here, there, tensors);
    acc_t sum = 0;
    update_part(part, [&](acc_t x) { sum += x * x; }, part.array<const scalar_t>(0));
    double total = block_reduce((double)sum, Plus(), scratch);
    if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

// *norm = sqrt(partial[0] + ... + partial[count - 1]), by one block.
extern "C" __global__ void norm_of_partials(const double* partial, double* norm, int count) {
    __shared__ double scratch[WARP];
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += partial[i];
    sum = block_reduce(sum, Plus(), scratch);
    if (threadIdx.x == 0) *norm = sqrt(sum);
}

#endif

// x *= *scale for every tensor; nothing is touched where that would change nothing.
extern "C" __global__ void scale_all(TABLE, const double* scale) {
    const acc_t factor = *scale;
    if (factor == 1) return;
    Part part = my_part<1>(here, there, tensors);
    update_part(part, [=](acc_t& x) { x *= factor; }, part.array<scalar_t>(0));
}

// ---- the way of a table to the device

// words[start + i] = piece[i]: through kernel parameters, since a captured graph may hold no copy from the host.
extern "C" __global__ void write_table(const __grid_constant__ Table piece, long long* words, int start, int count) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) words[start + i] = piece.word[i];
}
