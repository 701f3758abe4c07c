// Scans: y[i] = x[0] (+) ... (+) x[i] along the lines of arrays [outer, n, inner], for several associative (+).
// In a fixed order: the same bits on every run. Few long lines are cut into chunks: a launch says what each comes to, one
// adds those up, and one scans every chunk from where the one before ends (Sengupta et al. 2007).
#include "reduce.cuh"

// n elements, `step` apart.
struct Line {
    long long first, step, n;
    __device__ long long at(long long i) const { return first + i * step; }
};

// ---- what is carried along a line: nothing yet, or the run so far, which `then` joins to the run that follows

__device__ inline acc_t from_before(acc_t value, int lanes) { return __shfl_up_sync(FULL_MASK, value, lanes); }

struct Sum {
    acc_t value;
    __device__ static Sum nothing() { return Sum{0}; }
    __device__ Sum then(Sum next) const { return Sum{value + next.value}; }
    __device__ Sum up(int lanes) const { return Sum{from_before(value, lanes)}; }
};

struct Product {
    acc_t value;
    __device__ static Product nothing() { return Product{1}; }
    __device__ Product then(Product next) const { return Product{value * next.value}; }
    __device__ Product up(int lanes) const { return Product{from_before(value, lanes)}; }
};

// The extreme and where it last was; NaN wins.
template <bool GREATEST>
struct Best {
    acc_t value;
    long long index;
    __device__ static Best nothing() { return Best{0, -1}; }
    __device__ Best then(Best next) const {
        if (index < 0 || next.value != next.value) return next.index < 0 ? *this : next;
        bool is_no_worse = GREATEST ? next.value >= value : next.value <= value;  // never so for a NaN
        return next.index >= 0 && is_no_worse ? next : *this;
    }
    __device__ Best up(int lanes) const {
        return Best{from_before(value, lanes), __shfl_up_sync(FULL_MASK, index, lanes)};
    }
};

#ifdef FLOATING
struct LogSum {
    acc_t value;
    __device__ static LogSum nothing() { return LogSum{-acc_t(INF_F)}; }
    __device__ LogSum then(LogSum next) const {
        acc_t high = value > next.value ? value : next.value, low = value > next.value ? next.value : value;
        return LogSum{high == low ? high + acc_t(0.6931471805599453) : high + log1p(exp(low - high))};
    }
    __device__ LogSum up(int lanes) const { return LogSum{from_before(value, lanes)}; }
};

#endif

// The map y -> factor * y + value.
struct Affine {
    acc_t factor, value;
    __device__ static Affine nothing() { return Affine{1, 0}; }
    __device__ Affine then(Affine next) const {
        return Affine{factor * next.factor, next.factor * value + next.value};
    }
    __device__ Affine up(int lanes) const { return Affine{from_before(factor, lanes), from_before(value, lanes)}; }
};

// ---- where it is read and written

// In place.
template <class S>
struct Running {
    typedef S State;
    scalar_t* y;
    __device__ State read(Line line, long long i) const { return State{load(y + line.at(i))}; }
    __device__ void write(Line line, long long i, State state) const { store(y + line.at(i), state.value); }
};

template <bool GREATEST>
struct RunningBest {
    typedef Best<GREATEST> State;
    const scalar_t* x;
    scalar_t* values;
    long long* indices;
    __device__ State read(Line line, long long i) const { return State{load(x + line.at(i)), i}; }
    __device__ void write(Line line, long long i, State state) const {
        store(values + line.at(i), state.value);
        indices[line.at(i)] = state.index;
    }
};

// y[i] += a[i] * y[i - 1] in place; reversed, its transpose: y[i] += a[i + 1] * y[i + 1].
struct Recurrence {
    typedef Affine State;
    const scalar_t* a;
    scalar_t* y;
    int reverse;
    __device__ State read(Line line, long long i) const {
        if (!reverse) return State{load(a + line.at(i)), load(y + line.at(i))};
        long long p = line.n - 1 - i;
        return State{i ? load(a + line.at(p + 1)) : acc_t(0), load(y + line.at(p))};
    }
    __device__ void write(Line line, long long i, State state) const {
        store(y + line.at(reverse ? line.n - 1 - i : i), state.value);
    }
};

// ---- how

// This thread's run joined to those of the threads before it, and through `total` the whole block's. Kogge & Stone 1973
// within a warp; `scratch` holds a state a warp.
template <class State>
__device__ inline State block_scan(State state, State* scratch, State* total) {
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (int lanes = 1; lanes < WARP; lanes *= 2) {
        State before = state.up(lanes);
        if (lane >= lanes) state = before.then(state);
    }
    if (lane == WARP - 1) scratch[warp] = state;
    __syncthreads();
    State sum = State::nothing();
    for (int i = 0; i < warps; i++) {
        if (i == warp) state = sum.then(state);
        sum = sum.then(scratch[i]);
    }
    *total = sum;
    __syncthreads();
    return state;
}

// inner == 1: a block goes along a row, or along a chunk of one (blockIdx.y), a block's width at a time. With `totals` it
// only says what the chunk comes to; with `carries` it starts from what the chunks before come to.
template <class Scan, class State>
__device__ inline void scan_row(Scan scan, long long n, long long chunk, State* totals, const State* carries) {
    __shared__ State scratch[WARP];
    Line line{blockIdx.x * n, 1, n};
    long long begin = blockIdx.y * chunk, end = min(begin + chunk, n), place = blockIdx.x * gridDim.y + blockIdx.y;
    State carry = carries ? carries[place] : State::nothing(), total;
    for (long long start = begin; start < end; start += blockDim.x) {
        long long i = start + threadIdx.x;
        State state = block_scan(i < end ? scan.read(line, i) : State::nothing(), scratch, &total);
        if (i < end && !totals) scan.write(line, i, carry.then(state));
        carry = carry.then(total);
    }
    if (totals && threadIdx.x == 0) totals[place] = carry;
}

// What the chunks before each of a row's come to. One block a row.
template <class State>
__device__ inline void scan_totals(const State* totals, State* carries, int chunks) {
    __shared__ State scratch[WARP];
    const State* row = totals + blockIdx.x * (long long)chunks;
    State* out = carries + blockIdx.x * (long long)chunks;
    State carry = State::nothing(), total;
    if (threadIdx.x == 0) out[0] = carry;
    for (int start = 0; start < chunks; start += blockDim.x) {
        int i = start + threadIdx.x;
        State state = block_scan(i < chunks ? row[i] : State::nothing(), scratch, &total);
        if (i + 1 < chunks) out[i + 1] = carry.then(state);
        carry = carry.then(total);
    }
}

// One thread a column (outer, inner): neighbours read neighbouring elements.
template <class Scan>
__device__ inline void scan_column(Scan scan, long long columns, long long n, long long inner) {
    long long column = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (column >= columns) return;
    Line line{column / inner * n * inner + column % inner, inner, n};
    typename Scan::State state = Scan::State::nothing();
    for (long long i = 0; i < n; i++) {
        state = state.then(scan.read(line, i));
        scan.write(line, i, state);
    }
}

#define CARRIES(name, State)                                                                                       \
    extern "C" __global__ void name##_carries(const State* totals, State* carries, int chunks) {                   \
        scan_totals(totals, carries, chunks);                                                                      \
    }
#define RUNNING(name, State)                                                                                       \
    CARRIES(name, State)                                                                                           \
    extern "C" __global__ void name##_rows(scalar_t* y, long long n, long long chunk, State* totals,               \
                                           const State* carries) {                                                 \
        scan_row(Running<State>{y}, n, chunk, totals, carries);                                                    \
    }                                                                                                              \
    extern "C" __global__ void name##_columns(scalar_t* y, long long columns, long long n, long long inner) {      \
        scan_column(Running<State>{y}, columns, n, inner);                                                         \
    }
#define RUNNING_BEST(name, GREATEST)                                                                               \
    CARRIES(name, Best<GREATEST>)                                                                                  \
    extern "C" __global__ void name##_rows(const scalar_t* x, scalar_t* values, long long* indices, long long n,   \
                                           long long chunk, Best<GREATEST>* totals, const Best<GREATEST>* carries) { \
        scan_row(RunningBest<GREATEST>{x, values, indices}, n, chunk, totals, carries);                            \
    }                                                                                                              \
    extern "C" __global__ void name##_columns(const scalar_t* x, scalar_t* values, long long* indices,             \
                                              long long columns, long long n, long long inner) {                   \
        scan_column(RunningBest<GREATEST>{x, values, indices}, columns, n, inner);                                 \
    }

RUNNING(cumsum, Sum)
RUNNING(cumprod, Product)
RUNNING_BEST(cummax, true)
RUNNING_BEST(cummin, false)

#ifdef FLOATING
RUNNING(logcumsumexp, LogSum)
#endif

CARRIES(linear_scan, Affine)
extern "C" __global__ void linear_scan_rows(const scalar_t* a, scalar_t* y, int reverse, long long n, long long chunk,
                                            Affine* totals, const Affine* carries) {
    scan_row(Recurrence{a, y, reverse}, n, chunk, totals, carries);
}
extern "C" __global__ void linear_scan_columns(const scalar_t* a, scalar_t* y, int reverse, long long columns,
                                               long long n, long long inner) {
    scan_column(Recurrence{a, y, reverse}, columns, n, inner);
}
