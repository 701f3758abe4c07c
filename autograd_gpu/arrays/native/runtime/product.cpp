// Products of matrices by the BLAS that NumPy has loaded, called without NumPy: large ones cut into parts that the pool's
// threads take, a bias written first so that the products are added to it. What BLAS does not read as it lies (gaps
// between neighbours, one column or row), or has no routine for, is left to a function written in Python.
#include "product.h"

#include <string.h>

#include "pool.h"
#include "tape.h"

namespace {
const int ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112;

template <class T>
using Gemm = void (*)(int order, int x_is, int y_is, long m, long n, long k, T alpha, const T* x, long ldx, const T* y,
                      long ldy, T beta, T* out, long ldout);

Gemm<float> sgemm;
Gemm<double> dgemm;

// Multiplications: from so many on, parts go to several threads and the interpreter's lock is given up; a part has no
// fewer. Parts begin at multiples of what BLAS keeps in registers.
const double SHARED_FROM = 1 << 18, LEAST_PART = 1 << 17;
const long STEP = 32;

const int MOST_BATCH = 6;  // dimensions, two fewer than MAX_DIMS of layout.h

struct Side {
    const char* data;
    long strides[MOST_BATCH];  // of the batch, in bytes
    long row, column;     // bytes to the next of each
    int is;
    long leading;
};

// How BLAS takes a matrix of so many rows and columns; false where it cannot as it lies.
bool fits(Side& side, long rows, long columns, long width) {
    if (side.column == width && side.row >= columns * width && side.row % width == 0)
        side.is = AS_IT_IS, side.leading = side.row / width;
    else if (side.row == width && side.column >= rows * width && side.column % width == 0)
        side.is = TRANSPOSED, side.leading = side.column / width;
    else return false;
    return true;
}

struct Products {
    Side x, y;
    char* out;
    const char* bias;  // a row, or null
    long batch[MOST_BATCH];
    int batch_dims, width;
    long m, n, k, part;  // a part's rows or columns
    bool by_rows;
};

template <class T>
void part_of(Gemm<T> gemm, const Products& p, const char* x, const char* y, T* out, long m, long n, const T* bias) {
    if (bias)
        for (long i = 0; i < m; i++) memcpy(out + i * p.n, bias, n * sizeof(T));
    gemm(ROW_MAJOR, p.x.is, p.y.is, m, n, p.k, 1, (const T*)x, p.x.leading, (const T*)y, p.y.leading, bias != nullptr,
         out, p.n);
}

int run_parts(const void* arguments, long first, long last, const unsigned* grid) {
    const Products& p = *(const Products*)arguments;
    for (long block = first; block < last; block++) {
        const long part = block % grid[0], item = block / grid[0], start = part * p.part;
        const char *x = p.x.data, *y = p.y.data;
        long rest = item;
        for (int d = p.batch_dims - 1; d >= 0; rest /= p.batch[d], d--) {
            const long i = rest % p.batch[d];
            x += i * p.x.strides[d], y += i * p.y.strides[d];
        }
        long m = p.m, n = p.n, at = item * m * n;
        if (p.by_rows) x += start * p.x.row, at += start * n, m = m - start < p.part ? m - start : p.part;
        else y += start * p.y.column, at += start, n = n - start < p.part ? n - start : p.part;
        const char* bias = p.bias && !p.by_rows ? p.bias + start * p.width : p.bias;
        if (p.width == 4) part_of(sgemm, p, x, y, (float*)p.out + at, m, n, (const float*)bias);
        else part_of(dgemm, p, x, y, (double*)p.out + at, m, n, (const double*)bias);
    }
    return 0;
}

// Cut along the longer side, whose parts each read the shorter one.
unsigned cut(Products& p, double work) {
    const long length = p.m >= p.n ? p.m : p.n;
    long parts = 2l * host_threads();
    if (parts > work / LEAST_PART) parts = (long)(work / LEAST_PART);
    p.by_rows = p.m >= p.n;
    p.part = parts > 1 ? ((length + parts - 1) / parts + STEP - 1) / STEP * STEP : length;
    return (unsigned)((length + p.part - 1) / p.part);
}
}  // namespace

bool product_into(Array* out, const Array* x, const Array* y, bool flipped, const Array* bias, long width) {
    const int d = x->dims;
    Products p{{x->data, {}, x->strides[d - 2], x->strides[d - 1]},
               {y->data, {}, y->strides[d - 2 + flipped], y->strides[d - 1 - flipped]},
               out->data, bias ? bias->data : nullptr, {}, d - 2, (int)width,
               x->shape[d - 2], y->shape[d - 1 - flipped], x->shape[d - 1]};
    for (int i = 0; i < d - 2; i++) p.x.strides[i] = x->strides[i], p.y.strides[i] = y->strides[i], p.batch[i] = x->shape[i];
    if (p.m < 2 || p.n < 2 || p.k < 1 || !fits(p.x, p.m, p.k, width) || !fits(p.y, p.k, p.n, width)) return false;
    double batch = 1;
    for (int i = 0; i < d - 2; i++) batch *= x->shape[i];
    const double each = (double)p.m * p.n * p.k;
    host::Launch launch{run_parts, &p, {1, 1, 1}};
    if (each * batch < SHARED_FROM) {
        p.part = p.m, p.by_rows = true;
        launch.grid[1] = (unsigned)batch;
        if (host::recording) host::record(launch, sizeof p, host::ALONE);
        host::run_alone(launch);
        return true;
    }
    launch.grid[0] = cut(p, batch >= 2 * host_threads() ? 0 : each);
    launch.grid[1] = (unsigned)batch;
    if (host::recording) host::record(launch, sizeof p, host::PRODUCTS);
    void* state = PyEval_SaveThread();
    host::run_products(launch);
    PyEval_RestoreThread(state);
    return true;
}

extern "C" void host_blas(void* float_gemm, void* double_gemm) {
    sgemm = (Gemm<float>)float_gemm;
    dgemm = (Gemm<double>)double_gemm;
}
