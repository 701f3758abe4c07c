// Reductions on the host: of x (segments, outputs, length) over the first and the last dimension, and of x (outer, n,
// inner) over the middle one.
//
// Beside kernels/reduce.cu, whose blocks share out an array in any layout: here an output belongs to one core, which goes
// along memory with LANES states at once. What is long is cut into slices (blockIdx.y) of a length that the shape alone
// decides, so results do not depend on the number of threads; a second launch merges their states. Sums of float and half
// types are in double, so that a long one keeps its digits.
#include "lanes.cuh"

const int STRIP = 64;  // states at once

#ifdef FLOATING
typedef double sum_t;
typedef float wide_t;
#else
typedef acc_t sum_t;
typedef long long wide_t;
#endif

// ---- what is computed: a state that starts empty, takes in elements, and merges with others

struct Sum {
    sum_t total = 0;
    __device__ void take(acc_t x, int) { total += x; }
    __device__ void merge(const Sum& other) { total += other.total; }
    __device__ sum_t result(double divisor) const { return divisor == 1 ? total : sum_t(total / divisor); }
};

struct SumWide {
    long long total = 0;
    __device__ void take(acc_t x, int) { total += x; }
    __device__ void merge(const SumWide& other) { total += other.total; }
    __device__ long long result(double) const { return total; }
};

struct Prod {
    acc_t product = 1;
    __device__ void take(acc_t x, int) { product *= x; }
    __device__ void merge(const Prod& other) { product *= other.product; }
    __device__ acc_t result(double) const { return product; }
};

struct Any {
    int found = 0;
    __device__ void take(acc_t x, int) { found |= x != 0; }
    __device__ void merge(const Any& other) { found |= other.found; }
    __device__ int result(double) const { return found; }
};

struct All {
    int held = 1;
    __device__ void take(acc_t x, int) { held &= x != 0; }
    __device__ void merge(const All& other) { held &= other.held; }
    __device__ int result(double) const { return held; }
};

// Below or above what any element can be; a reduction to the greatest or least has at least one.
__device__ inline acc_t beyond(bool above) {
#ifdef FLOATING
    return acc_t(above ? INF_F : -INF_F);
#else
    acc_t greatest = sizeof(acc_t) == 8 ? acc_t(0x7fffffffffffffffll) : acc_t(0x7fffffff);
    return above ? greatest : -greatest - 1;
#endif
}

// NaN wins.
template <bool GREATEST>
struct Extreme {
    acc_t value = beyond(!GREATEST);
    __device__ void take(acc_t x, int) { value = (GREATEST ? x > value : x < value) || x != x ? x : value; }
    __device__ void merge(const Extreme& other) { take(other.value, 0); }
    __device__ acc_t result(double) const { return value; }
};

// The best element and where it first stands; NaN is better than anything. Places are as wide as elements, for vectors.
template <bool GREATEST>
struct Best {
#if defined(DTYPE_F64) || defined(DTYPE_I64)
    typedef long long Place;
#else
    typedef int Place;
#endif
    acc_t value = 0;
    Place index = -1;  // none yet

    __device__ void take(acc_t x, Place i) {
        bool wins = (index < 0) | (GREATEST ? x > value : x < value) | ((x != x) & (value == value));
        value = wins ? x : value;
        index = wins ? i : index;
    }
    __device__ void merge(const Best& other) {
        if (other.index < 0) return;
        bool nan = value != value, other_nan = other.value != other.value;
        bool equal = nan ? other_nan : value == other.value;
        bool better = GREATEST ? other.value > value : other.value < value;
        if (index < 0 || (equal ? other.index < index : other_nan || (!nan && better))) *this = other;
    }
    __device__ acc_t result(double) const { return value; }
};

template <class State>
__device__ inline long long index_of(const State&) {
    return -1;
}
template <bool GREATEST>
__device__ inline long long index_of(const Best<GREATEST>& state) {
    return state.index;
}

// ---- many states at once: element k of STRIP goes to state k

// Members of their own arrays, so that each is a vector.
template <class State>
struct States {
    State state[STRIP];

    __device__ __forceinline__ void take(int k, acc_t x, int i) { state[k].take(x, i); }
    __device__ __forceinline__ State of(int k) const { return state[k]; }
};

template <bool GREATEST>
struct States<Best<GREATEST>> {
    typedef typename Best<GREATEST>::Place Place;
    acc_t value[STRIP];
    Place index[STRIP];

    __device__ __forceinline__ States() {
        for (int k = 0; k < STRIP; k++) value[k] = 0, index[k] = -1;
    }
    __device__ __forceinline__ void take(int k, acc_t x, Place i) {
        Best<GREATEST> best;
        best.value = value[k], best.index = index[k];
        best.take(x, i);
        value[k] = best.value, index[k] = best.index;
    }
    __device__ __forceinline__ Best<GREATEST> of(int k) const {
        Best<GREATEST> best;
        best.value = value[k], best.index = index[k];
        return best;
    }
};

// Elements of one run, the first of them number `first`, into one state.
template <class State>
FLATTENED static State reduce_run(const scalar_t* x, long long count, long long first) {
    States<State> states;
    long long c = 0;
    for (; c + STRIP <= count; c += STRIP)
#pragma GCC ivdep
        for (int k = 0; k < STRIP; k++) states.take(k, load(x + c + k), (int)(first + c) + k);
#pragma GCC ivdep
    for (int k = 0; k < count - c; k++) states.take(k, load(x + c + k), (int)(first + c) + k);
    State state = states.of(0);
    for (int k = 1; k < STRIP; k++) state.merge(states.of(k));
    return state;
}

// `rows` rows, `step` apart, of `width` neighbours, up to STRIP; row r's elements are number first + r.
template <class State>
FLATTENED static void reduce_columns(State* out, const scalar_t* x, long long rows, long long step, int width,
                                     long long first) {
    States<State> states;
    for (long long r = 0; r < rows; r++)
        if (width == STRIP)
#pragma GCC ivdep
            for (int k = 0; k < STRIP; k++) states.take(k, load(x + r * step + k), (int)(first + r));
        else
#pragma GCC ivdep
            for (int k = 0; k < width; k++) states.take(k, load(x + r * step + k), (int)(first + r));
    for (int k = 0; k < width; k++) out[k] = states.of(k);
}

#ifdef FLOATING
// Mean and sum of squared distances from it, merged as in Chan, Golub & LeVeque 1979: the mean of a run first.
struct Var {
    double count = 0, mean = 0, squares = 0;
    __device__ void merge(const Var& other) {
        if (other.count == 0) return;
        if (count == 0) {
            *this = other;
            return;
        }
        double both = count + other.count, distance = other.mean - mean, share = other.count / both;
        mean += distance * share;
        squares += other.squares + distance * distance * count * share;
        count = both;
    }
    __device__ acc_t result(double divisor) const { return count == 0 ? acc_t(NAN_F) : acc_t(squares / divisor); }
};

template <>
FLATTENED Var reduce_run<Var>(const scalar_t* x, long long count, long long) {
    const int NEAR = 8192;  // elements in a core's own cache, where they are read twice
    Var all;
    for (long long at = 0; at < count; at += NEAR) {
        const long long here = min((long long)NEAR, count - at);
        double mean = reduce_run<Sum>(x + at, here, 0).total / here, lane[STRIP] = {};
        long long c = 0;
        for (; c + STRIP <= here; c += STRIP)
            for (int k = 0; k < STRIP; k++) lane[k] += (load(x + at + c + k) - mean) * (load(x + at + c + k) - mean);
        for (int k = 0; k < here - c; k++) lane[k] += (load(x + at + c + k) - mean) * (load(x + at + c + k) - mean);
        Var part;
        part.count = here, part.mean = mean;
        for (int k = 0; k < STRIP; k++) part.squares += lane[k];
        all.merge(part);
    }
    return all;
}

template <>
FLATTENED void reduce_columns<Var>(Var* out, const scalar_t* x, long long rows, long long step, int width, long long) {
    for (int k = 0; k < width; k++) out[k] = Var();
    if (rows == 0) return;
    Sum sums[STRIP];
    double mean[STRIP] = {}, lane[STRIP] = {};
    reduce_columns<Sum>(sums, x, rows, step, width, 0);
    for (int k = 0; k < width; k++) mean[k] = sums[k].total / rows;
    for (long long r = 0; r < rows; r++)
        for (int k = 0; k < width; k++) lane[k] += (load(x + r * step + k) - mean[k]) * (load(x + r * step + k) - mean[k]);
    for (int k = 0; k < width; k++) out[k].count = rows, out[k].mean = mean[k], out[k].squares = lane[k];
}
#endif

// ---- how

template <class State, class Out>
__device__ inline void finish(const State& state, long long output, State* partial, long long outputs, Out* out,
                              long long* indices, double divisor) {
    if (partial) partial[blockIdx.y * outputs + output] = state;
    else {
        store(out + output, (decltype(load(out)))state.result(divisor));
        if (indices) indices[output] = index_of(state);
    }
}

// Slices are of the segments where there are several, else of the length.
template <class State, class Out>
static void rows(const scalar_t* x, State* partial, Out* out, long long* indices, double divisor, long long segments,
                 long long outputs, long long length, long long slice) {
    const long long begin = blockIdx.y * slice, end = min(begin + slice, segments > 1 ? segments : length);
    for (Share share = my_share(outputs); share.begin < share.end; share.begin++) {
        State state;
        if (segments == 1) state = reduce_run<State>(x + share.begin * length + begin, end - begin, begin);
        else
            for (long long s = begin; s < end; s++)
                state.merge(reduce_run<State>(x + (s * outputs + share.begin) * length, length, 0));
        finish(state, share.begin, partial, outputs, out, indices, divisor);
    }
}

template <class State, class Out>
static void columns(const scalar_t* x, State* partial, Out* out, long long* indices, double divisor, long long outer,
                    long long n, long long inner, long long slice) {
    const long long begin = blockIdx.y * slice, count = min(begin + slice, n) - begin;
    const long long strips = (inner + STRIP - 1) / STRIP, outputs = outer * inner;
    for (Share share = my_share(outer * strips); share.begin < share.end; share.begin++) {
        const long long place = share.begin / strips, first = share.begin % strips * STRIP;
        const scalar_t* start = x + (place * n + begin) * inner + first;
        const int width = (int)min((long long)STRIP, inner - first);
        // Where rows are short, as many as fit into a strip are a row; places in a reduction would be lost.
        const long long together = indices ? 1 : STRIP / width;
        State state[STRIP];
        if (width < inner || together < 2) reduce_columns(state, start, count, inner, width, begin);
        else {
            reduce_columns(state, start, count / together, together * inner, (int)(together * inner), 0);
            for (int k = width; k < together * width; k++) state[k % width].merge(state[k]);
            State rest[STRIP];
            reduce_columns(rest, start + count / together * together * inner, count % together, inner, width, 0);
            for (int k = 0; k < width; k++) state[k].merge(rest[k]);
        }
        for (int k = 0; k < width; k++)
            finish(state[k], place * inner + first + k, partial, outputs, out, indices, divisor);
    }
}

// The states of an output's slices, merged in their order.
template <class State, class Out>
static void merge(const State* partial, int slices, long long outputs, Out* out, long long* indices, double divisor) {
    for (Share share = my_share(outputs); share.begin < share.end; share.begin++) {
        State state = partial[share.begin];
        for (int s = 1; s < slices; s++) state.merge(partial[s * outputs + share.begin]);
        finish(state, share.begin, (State*)nullptr, outputs, out, indices, divisor);
    }
}

#define REDUCTION(name, State, out_t)                                                                                 \
    extern "C" __global__ void rows_##name(const scalar_t* x, State* partial, out_t* out, long long* indices,         \
                                           double divisor, long long segments, long long outputs, long long length,   \
                                           long long slice) {                                                         \
        rows(x, partial, out, indices, divisor, segments, outputs, length, slice);                                    \
    }                                                                                                                 \
    extern "C" __global__ void columns_##name(const scalar_t* x, State* partial, out_t* out, long long* indices,      \
                                              double divisor, long long outer, long long n, long long inner,          \
                                              long long slice) {                                                      \
        columns(x, partial, out, indices, divisor, outer, n, inner, slice);                                           \
    }                                                                                                                 \
    extern "C" __global__ void merge_##name(const State* partial, int slices, long long outputs, out_t* out,          \
                                            long long* indices, double divisor) {                                     \
        merge(partial, slices, outputs, out, indices, divisor);                                                       \
    }

REDUCTION(sum, Sum, scalar_t)
REDUCTION(prod, Prod, scalar_t)
REDUCTION(any, Any, bool)
REDUCTION(all, All, bool)
REDUCTION(max, Best<true>, scalar_t)
REDUCTION(min, Best<false>, scalar_t)
REDUCTION(amax, Extreme<true>, scalar_t)
REDUCTION(amin, Extreme<false>, scalar_t)
#ifdef FLOATING
REDUCTION(var, Var, scalar_t)
#endif
#if defined(DTYPE_F16) || defined(DTYPE_BF16)
REDUCTION(sum_wide, Sum, wide_t)
#elif !defined(FLOATING) && !defined(DTYPE_I64)
REDUCTION(sum_wide, SumWide, wide_t)
#endif
