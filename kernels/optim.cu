// Optimiser steps, in place. The learning rate and the step count live in device memory, so that a captured training
// step reads what they are when it is replayed.
#include "scalar.cuh"

#define FOR_EACH(i, count)                                                          \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < count; \
         i += (long long)gridDim.x * blockDim.x)

// Momentum as in Sutskever et al. 2013, with PyTorch's dampening; `buffer` is null without momentum.
extern "C" __global__ void sgd_step(scalar_t* parameter, const scalar_t* gradient, scalar_t* buffer, const float* lr,
                                    acc_t momentum, acc_t dampening, acc_t weight_decay, int nesterov, int first,
                                    long long count) {
    acc_t rate = *lr;
    FOR_EACH(i, count) {
        acc_t p = load(parameter + i), step = load(gradient + i) + weight_decay * p;
        if (buffer) {
            if (first) store(buffer + i, step);
            else store(buffer + i, momentum * load(buffer + i) + (1 - dampening) * step);
            acc_t velocity = load(buffer + i);
            step = nesterov ? step + momentum * velocity : velocity;
        }
        store(parameter + i, p - rate * step);
    }
}

// Adam with decoupled weight decay: Loshchilov & Hutter 2019, algorithm 2. The betas come in double, since 1 - beta
// would lose digits in float; 1 - beta^step is -expm1(step log(beta)), which keeps them while step is small.
extern "C" __global__ void adamw_step(scalar_t* parameter, const scalar_t* gradient, scalar_t* exp_avg,
                                      scalar_t* exp_avg_sq, const float* step, const float* lr, double beta1,
                                      double beta2, acc_t log_beta1, acc_t log_beta2, acc_t eps, acc_t weight_decay,
                                      long long count) {
    acc_t keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2;
    acc_t decay = 1 - acc_t(*lr) * weight_decay, rate = acc_t(*lr) / -expm1(*step * log_beta1);
    acc_t root_of_correction = sqrt(-expm1(*step * log_beta2));
    FOR_EACH(i, count) {
        acc_t g = load(gradient + i);
        acc_t m = keep1 * load(exp_avg + i) + take1 * g, v = keep2 * load(exp_avg_sq + i) + take2 * g * g;
        store(exp_avg + i, m);
        store(exp_avg_sq + i, v);
        store(parameter + i, load(parameter + i) * decay - rate * m / (sqrt(v) / root_of_correction + eps));
    }
}
