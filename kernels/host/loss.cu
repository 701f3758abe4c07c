// Cross entropy of each row of x (rows, cols) against its class on the host: loss = log(sum(exp(x))) - x[target].
//
// Beside kernels/loss.cu as softmax.cu is beside its own: the maximum first, then each exponential once. A row whose
// target is ignore_index has loss 0 and a gradient of zeros; any other target outside 0..cols-1 stops the kernel.

#include "lanes.cuh"

// A half type's exp(x - max) is not written down, where it would be rounded: it is computed anew.
const bool KEEPS = sizeof(scalar_t) == sizeof(acc_t);

// The class of a row, or -1 when the row is ignored.
__device__ inline int class_of(const long long* target, long long row, int cols, long long ignore_index) {
    long long label = target[row];
    if (label == ignore_index) return -1;
    if (label < 0 || label >= cols) __trap();
    return (int)label;
}

__device__ __forceinline__ acc_t greatest_of(const scalar_t* x_row, int cols) {
    Greatest greatest;
    each_column(cols, [&](long long c, int k) { greatest.add(k, load(x_row + c)); });
    return greatest.total();
}

FLATTENED static void forward(const scalar_t* x, const long long* target, acc_t* loss, acc_t* lse, long long rows,
                              int cols, long long ignore_index) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        const scalar_t* x_row = x + row.begin * cols;
        const acc_t max = greatest_of(x_row, cols);
        Sums sums;
        each_column(cols, [&](long long c, int k) { sums.add(k, exp_of_negative(load(x_row + c) - max)); });
        const acc_t logarithm = log(sums.total());
        const int label = class_of(target, row.begin, cols, ignore_index);
        // The maximum goes first: beside a huge one, the logarithm would be rounded away.
        loss[row.begin] = label < 0 ? 0 : max - load(x_row + label) + logarithm;
        lse[row.begin] = max + logarithm;
    }
}

// x becomes softmax(x) - one_hot(target): the gradient of the row's loss.
FLATTENED static void with_gradient(scalar_t* x, const long long* target, acc_t* loss, long long rows, int cols,
                                    long long ignore_index) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        scalar_t* x_row = x + row.begin * cols;
        const int label = class_of(target, row.begin, cols, ignore_index);
        if (label < 0) {
            loss[row.begin] = 0;
            each_column(cols, [&](long long c, int) { store(x_row + c, acc_t(0)); });
            continue;
        }
        const acc_t max = greatest_of(x_row, cols), logit = load(x_row + label);
        Sums sums;
        each_column(cols, [&](long long c, int k) {
            acc_t e = exp_of_negative(load(x_row + c) - max);
            if (KEEPS) store(x_row + c, e);
            sums.add(k, e);
        });
        const acc_t sum = sums.total(), part = 1 / sum;
        each_column(cols, [&](long long c, int) {
            acc_t v = load(x_row + c);
            store(x_row + c, (KEEPS ? v : exp_of_negative(v - max)) * part);
        });
        store(x_row + label, exp_of_negative(logit - max) * part - 1);
        loss[row.begin] = max - logit + log(sum);
    }
}

// gx = gloss * (softmax(x) - one_hot(target))
FLATTENED static void backward(const acc_t* gloss, const scalar_t* x, const acc_t* lse, const long long* target,
                               scalar_t* gx, long long rows, int cols, long long ignore_index) {
    for (Share row = my_share(rows); row.begin < row.end; row.begin++) {
        const scalar_t* x_row = x + row.begin * cols;
        scalar_t* gx_row = gx + row.begin * cols;
        const int label = class_of(target, row.begin, cols, ignore_index);
        if (label < 0) {
            each_column(cols, [&](long long c, int) { store(gx_row + c, acc_t(0)); });
            continue;
        }
        const acc_t g = gloss[row.begin], row_lse = lse[row.begin];
        each_column(cols, [&](long long c, int) { store(gx_row + c, g * exp_of_negative(load(x_row + c) - row_lse)); });
        store(gx_row + label, g * (exp_of_negative(load(x_row + label) - row_lse) - 1));
    }
}

// ---- entry points

extern "C" __global__ void cross_entropy_forward(const scalar_t* x, const long long* target, acc_t* loss, acc_t* lse,
                                                 long long rows, int cols, long long ignore_index) {
    forward(x, target, loss, lse, rows, cols, ignore_index);
}

extern "C" __global__ void cross_entropy_with_gradient(scalar_t* x, const long long* target, acc_t* loss,
                                                       long long rows, int cols, long long ignore_index, int slot) {
    with_gradient(x, target, loss, rows, cols, ignore_index);
}

extern "C" __global__ void cross_entropy_backward(const acc_t* gloss, const scalar_t* x, const acc_t* lse,
                                                  const long long* target, scalar_t* gx, long long rows, int cols,
                                                  long long ignore_index) {
    backward(gloss, x, lse, target, gx, rows, cols, ignore_index);
}
