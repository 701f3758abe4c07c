// Connectionist temporal classification: -log of the sum over all alignments of a target with T steps of their
// probabilities (Graves, Fernandez, Gomez & Schmidhuber 2006). x[t, n, c] are log-probabilities of classes.
//
// A target's states are its labels with blanks around and between them: 2 S + 1 of them. An alignment moves on by one
// state at most, or by two past a blank between different labels. All in logarithms; -inf is what cannot be.
#include "scalar.cuh"

const int THREADS = 128;
// A block per example leaves most of a GPU idle anyway: registers rather than blocks.
#define STEP_BOUNDS __launch_bounds__(THREADS, 4)

struct Example {
    const scalar_t* x;  // of this example: steps lie `step` elements apart
    const long long* target;
    long long step;
    int blank, length, states;

    __device__ long long label(int s) const { return s % 2 ? target[s / 2] : blank; }
    __device__ acc_t emission(int t, int s) const { return load(x + t * step + label(s)); }
    __device__ bool may_skip(int s) const { return s >= 2 && label(s) != label(s - 2); }  // from s - 2 to s
};

__device__ inline Example example(const scalar_t* x, const long long* targets, const long long* lengths,
                                  const long long* target_lengths, int n, int batch, int classes, int longest,
                                  int blank) {
    return Example{x + (long long)n * classes, targets + (long long)n * longest, (long long)batch * classes, blank,
                   (int)lengths[n], 2 * (int)target_lengths[n] + 1};
}

__device__ inline acc_t log_sum(acc_t a, acc_t b, acc_t c) {
    acc_t top = a > b ? a : b;
    top = top > c ? top : c;
    if (top == -INF_F) return top;
    return top + log(exp(a - top) + exp(b - top) + exp(c - top));
}

// alpha[n, t, s] = the log-probability of being in state s at step t, and of what was emitted till then.
// loss[n] = -log of what the last step's last two states sum up to. A block per example.
extern "C" __global__ void STEP_BOUNDS
    ctc_alpha(const scalar_t* x, const long long* targets, const long long* lengths, const long long* target_lengths,
              acc_t* alpha, acc_t* loss, int steps, int batch, int classes, int longest, int blank) {
    Example e = example(x, targets, lengths, target_lengths, blockIdx.x, batch, classes, longest, blank);
    int states = 2 * longest + 1;
    acc_t* row = alpha + (long long)blockIdx.x * steps * states;
    for (int t = 0; t < e.length; t++, row += states) {
        const acc_t* before = row - states;
        for (int s = threadIdx.x; s < e.states; s += THREADS) {
            acc_t arriving = s < 2 && t == 0 ? acc_t(0) : -INF_F;
            if (t > 0)
                arriving = log_sum(before[s], s > 0 ? before[s - 1] : -INF_F, e.may_skip(s) ? before[s - 2] : -INF_F);
            row[s] = arriving + e.emission(t, s);
        }
        __syncthreads();
    }
    if (threadIdx.x > 0) return;
    if (e.length == 0) loss[blockIdx.x] = e.states == 1 ? acc_t(0) : INF_F;
    else {
        const acc_t* last = row - states;
        loss[blockIdx.x] = -log_sum(last[e.states - 1], e.states > 1 ? last[e.states - 2] : -INF_F, -INF_F);
    }
}

// beta[n, t, s] = the log-probability of all that is emitted from step t on, if that is in state s.
extern "C" __global__ void STEP_BOUNDS
    ctc_beta(const scalar_t* x, const long long* targets, const long long* lengths, const long long* target_lengths,
             acc_t* beta, int steps, int batch, int classes, int longest, int blank) {
    Example e = example(x, targets, lengths, target_lengths, blockIdx.x, batch, classes, longest, blank);
    int states = 2 * longest + 1;
    acc_t* row = beta + ((long long)blockIdx.x * steps + e.length - 1) * states;
    for (int t = e.length - 1; t >= 0; t--, row -= states) {
        const acc_t* after = row + states;
        for (int s = threadIdx.x; s < e.states; s += THREADS) {
            acc_t leaving = s >= e.states - 2 && t == e.length - 1 ? acc_t(0) : -INF_F;
            if (t < e.length - 1)
                leaving = log_sum(after[s], s + 1 < e.states ? after[s + 1] : -INF_F,
                                  s + 2 < e.states && e.may_skip(s + 2) ? after[s + 2] : -INF_F);
            row[s] = leaving + e.emission(t, s);
        }
        __syncthreads();
    }
}

// gx[t, n, c] = -gloss[n] * the probability of emitting c at step t, given the target: the sum over c's states. A block
// per step and example; gx comes filled with zeros.
extern "C" __global__ void __launch_bounds__(THREADS)
    ctc_gradient(const acc_t* gloss, const scalar_t* x, const acc_t* alpha, const acc_t* beta, const acc_t* loss,
                 const long long* targets, const long long* lengths, const long long* target_lengths, scalar_t* gx,
                 int steps, int batch, int classes, int longest, int blank) {
    __shared__ acc_t part[THREADS];
    int t = blockIdx.x, n = blockIdx.y, states = 2 * longest + 1;
    Example e = example(x, targets, lengths, target_lengths, n, batch, classes, longest, blank);
    if (t >= e.length || gloss[n] == 0) return;
    long long row = ((long long)n * steps + t) * states;
    auto posterior = [&](int s) { return exp(alpha[row + s] + beta[row + s] - e.emission(t, s) + loss[n]); };
    scalar_t* out = gx + ((long long)t * batch + n) * classes;

    acc_t of_blank = 0;
    for (int s = threadIdx.x; s < e.states; s += THREADS) {
        long long label = e.label(s);
        if (label == blank) {
            of_blank += posterior(s);
            continue;
        }
        bool is_first = true;  // the first state of a label answers for all
        for (int other = 1; other < s; other += 2) is_first = is_first && e.label(other) != label;
        if (!is_first) continue;
        acc_t sum = 0;
        for (int other = s; other < e.states; other += 2)
            if (e.label(other) == label) sum += posterior(other);
        store(out + label, -gloss[n] * sum);
    }
    part[threadIdx.x] = of_blank;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    if (threadIdx.x == 0) store(out + blank, -gloss[n] * part[0]);
}
