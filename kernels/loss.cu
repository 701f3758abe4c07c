// Cross entropy of each row of x (rows, cols) against its class: loss = log(sum(exp(x))) - x[target].
//
// A team of threads per row (row.cuh); x is read once in each direction. A row whose target is ignore_index has loss 0
// and a gradient of zeros; any other target outside 0..cols-1 stops the kernel.

#include "online.cuh"

// The class of a row, or -1 when the row is ignored.
__device__ inline int class_of(const long long* target, long long row, int cols, long long ignore_index) {
    long long label = target[row];
    if (label == ignore_index) return -1;
    if (label < 0 || label >= cols) __trap();
    return (int)label;
}

extern "C" __global__ void ROW_BOUNDS
    cross_entropy_forward(const scalar_t* x, const long long* target, acc_t* loss, acc_t* lse, long long rows, int cols,
                          long long ignore_index) {
    Row row = my_row(rows, cols, x);
    const scalar_t* x_row = x + row.start;
    Online total;
    row.visit([&](int c, auto width) { total.add(read<width>(x_row + c)); });
    total = team_merge(total);

    if (row.index >= rows || threadIdx.x > 0) return;
    int label = class_of(target, row.index, cols, ignore_index);
    // The maximum goes first: beside a huge one, log(sum) would be rounded away.
    loss[row.index] = label < 0 ? 0 : total.max - load(x_row + label) + log(total.sum);
    lse[row.index] = total.log_sum();
}

// Both in one reading of x, which becomes softmax(x) - one_hot(target): the gradient of the row's loss. Each element is
// overwritten by the thread that read it, so the label's own thread, which alone still has its logit, writes the loss.
extern "C" __global__ void ROW_BOUNDS
    cross_entropy_with_gradient(scalar_t* x, const long long* target, acc_t* loss, long long rows, int cols,
                                long long ignore_index, int slot) {
    extern __shared__ uint4 shared[];
    Row row = my_row(rows, cols, x);
    scalar_t *x_row = x + row.start, *kept = row.cache(shared, slot);
    Online total;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x_row + c);
        if (slot) write(kept + c, chunk);
        total.add(chunk);
    });
    total = team_merge(total);
    if (row.index >= rows) return;

    int label = class_of(target, row.index, cols, ignore_index);
    if (label < 0 && threadIdx.x == 0) loss[row.index] = 0;
    acc_t scale = 1 / total.sum;
    const scalar_t* source = slot ? kept : x_row;
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(source + c);
        for (int i = 0; i < width; i++) {
            acc_t logit = chunk[i];
            if (c + i == label) loss[row.index] = total.max - logit + log(total.sum);
            chunk.set(i, label < 0 ? 0 : exponential(logit - total.max) * scale - (c + i == label));
        }
        write(x_row + c, chunk);
    });
}

// gx = gloss * (softmax(x) - one_hot(target))
extern "C" __global__ void ROW_BOUNDS
    cross_entropy_backward(const acc_t* gloss, const scalar_t* x, const acc_t* lse, const long long* target,
                           scalar_t* gx, long long rows, int cols, long long ignore_index) {
    Row row = my_row(rows, cols, x, gx);
    if (row.index >= rows) return;
    int label = class_of(target, row.index, cols, ignore_index);
    acc_t g = gloss[row.index], row_lse = lse[row.index];
    row.visit([&](int c, auto width) {
        auto chunk = read<width>(x + row.start + c);
        for (int i = 0; i < width; i++) {
            acc_t softmax = exponential(chunk[i] - row_lse);
            chunk.set(i, label < 0 ? 0 : g * (softmax - (c + i == label)));
        }
        write(gx + row.start + c, chunk);
    });
}
