// A step of a recurrent layer, and what its gradient passes back: gates of `hidden` numbers each for every row of a batch. A
// thread per row and hidden number. The products with the weights are the caller's: `product` is what the hidden state adds
// to the gates, as (batch, gates * hidden).
#include "scalar.cuh"

__device__ inline acc_t sigmoid(acc_t x) { return 1 / (1 + exp(-x)); }

// visit(row * hidden + j, row * gates * hidden + j) for each row and j that is this thread's.
#define EACH_HIDDEN(at, gate, GATES)                                                                                     \
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x, gate; at < (long long)batch * hidden; at +=      \
         (long long)gridDim.x * blockDim.x)                                                                               \
        if (gate = at / hidden * GATES * hidden + at % hidden; true)

// ---- LSTM: gates i, f, g, o; c = f c_before + i g; h = o tanh(c)

extern "C" __global__ void lstm_step(const scalar_t* x, const scalar_t* product, const scalar_t* c_before, scalar_t* h,
                                     scalar_t* c, scalar_t* gates, int batch, int hidden) {
    EACH_HIDDEN(at, gate, 4) {
        acc_t sum[4];
        for (int k = 0; k < 4; k++) sum[k] = load(x + gate + k * hidden) + load(product + gate + k * hidden);
        acc_t i = sigmoid(sum[0]), f = sigmoid(sum[1]), g = tanh(sum[2]), o = sigmoid(sum[3]);
        acc_t now = f * load(c_before + at) + i * g;
        store(gates + gate, i);
        store(gates + gate + hidden, f);
        store(gates + gate + 2 * hidden, g);
        store(gates + gate + 3 * hidden, o);
        store(c + at, now);
        store(h + at, o * tanh(now));
    }
}

// From gy and what the step after passed back, gh and gc: gx, and in gc's place what goes to c_before. gcell may be null.
extern "C" __global__ void lstm_step_backward(const scalar_t* gy, const scalar_t* gh, const scalar_t* gcell, acc_t* gc,
                                              const scalar_t* c_before, const scalar_t* c, const scalar_t* gates,
                                              scalar_t* gx, int batch, int hidden) {
    EACH_HIDDEN(at, gate, 4) {
        acc_t i = load(gates + gate), f = load(gates + gate + hidden), g = load(gates + gate + 2 * hidden);
        acc_t o = load(gates + gate + 3 * hidden), squashed = tanh(load(c + at));
        acc_t to_h = load(gy + at) + load(gh + at);
        acc_t to_c = gc[at] + to_h * o * (1 - squashed * squashed) + (gcell ? load(gcell + at) : 0);
        store(gx + gate, to_c * g * i * (1 - i));
        store(gx + gate + hidden, to_c * load(c_before + at) * f * (1 - f));
        store(gx + gate + 2 * hidden, to_c * i * (1 - g * g));
        store(gx + gate + 3 * hidden, to_h * squashed * o * (1 - o));
        gc[at] = to_c * f;
    }
}

// ---- GRU: gates r, z, n = tanh(x + r m), m being the product's part, kept as a fourth; h = n + z (h_before - n)

extern "C" __global__ void gru_step(const scalar_t* x, const scalar_t* product, const scalar_t* h_before, scalar_t* h,
                                    scalar_t* gates, int batch, int hidden) {
    EACH_HIDDEN(at, gate, 3) {
        acc_t r = sigmoid(load(x + gate) + load(product + gate));
        acc_t z = sigmoid(load(x + gate + hidden) + load(product + gate + hidden));
        acc_t m = load(product + gate + 2 * hidden), n = tanh(load(x + gate + 2 * hidden) + r * m);
        scalar_t* kept = gates + at / hidden * 4 * hidden + at % hidden;
        store(kept, r);
        store(kept + hidden, z);
        store(kept + 2 * hidden, n);
        store(kept + 3 * hidden, m);
        store(h + at, n + z * (load(h_before + at) - n));
    }
}

// gproduct differs from gx in the third gate; `kept` is what goes to h_before beside the product's part.
extern "C" __global__ void gru_step_backward(const scalar_t* gy, const scalar_t* gh, acc_t* kept, const scalar_t* h_before,
                                             const scalar_t* gates, scalar_t* gx, scalar_t* gproduct, int batch,
                                             int hidden) {
    EACH_HIDDEN(at, gate, 3) {
        const scalar_t* of = gates + at / hidden * 4 * hidden + at % hidden;
        acc_t r = load(of), z = load(of + hidden), n = load(of + 2 * hidden), m = load(of + 3 * hidden);
        acc_t to_h = load(gy + at) + load(gh + at) + kept[at];
        acc_t to_n = to_h * (1 - z) * (1 - n * n);
        acc_t to_r = to_n * m * r * (1 - r), to_z = to_h * (load(h_before + at) - n) * z * (1 - z);
        store(gx + gate, to_r);
        store(gx + gate + hidden, to_z);
        store(gx + gate + 2 * hidden, to_n);
        store(gproduct + gate, to_r);
        store(gproduct + gate + hidden, to_z);
        store(gproduct + gate + 2 * hidden, to_n * r);
        kept[at] = to_h * z;
    }
}

// ---- Elman's: h = tanh(x + product), or relu of it

extern "C" __global__ void rnn_step(const scalar_t* x, const scalar_t* product, scalar_t* h, long long count, int is_relu) {
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        acc_t sum = load(x + at) + load(product + at);
        store(h + at, is_relu ? (sum < 0 ? 0 : sum) : tanh(sum));
    }
}

extern "C" __global__ void rnn_step_backward(const scalar_t* gy, const scalar_t* gh, const scalar_t* h, scalar_t* gx,
                                             long long count, int is_relu) {
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        acc_t to_h = load(gy + at) + load(gh + at), y = load(h + at);
        store(gx + at, is_relu ? (y > 0 ? to_h : 0) : to_h * (1 - y * y));
    }
}
