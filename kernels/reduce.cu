// Reductions over any dimensions of an array in any layout, without a copy and in a fixed order.
//
// A block's threads are `lanes` along the reduction by the rest along the outputs; whichever of the two lies together
// in memory gets threadIdx.x, so that loads coalesce, and travels 16 bytes at a time where it can: along the reduction a
// pack's elements go into one state, along the outputs each into a state of its own. Few outputs with much to reduce
// are cut into slices (blockIdx.y), whose partial states a second launch merges. No atomics: the same bits on every run.
#include "reduce.cuh"
#include "strides.cuh"

// Of a byte's type no more than 8: the states of 16 outputs are too many registers.
const int WIDE = sizeof(scalar_t) == 1 ? 8 : 16 / sizeof(scalar_t);
typedef Pack<scalar_t, WIDE> Wide;

struct Walk {
    long long outputs, length;   // how many results, and elements in each; whichever of them `packs` is about, in packs
    long long slice;             // of the length a block reduces; slice >= length: one launch is enough
    long long outputs_together;  // threadIdx.x runs along the outputs
    long long packs;             // what threadIdx.x runs along lies in whole, aligned packs
    Layout<1> kept, reduced;     // where a result's first element lies, and the others from there; with packs in packs
};

// ---- what is computed: a state that starts empty, takes in elements, and merges with others

struct Sum {
    acc_t total = 0;
    __device__ void take(acc_t x, long long) { total += x; }
    __device__ void merge(const Sum& other) { total += other.total; }
    __device__ acc_t result(acc_t divisor) const { return total / divisor; }  // 1 but for the mean
};

// What a sum is wanted in when not in its own type: an integer's in 64 bits, a half type's in float.
#ifdef FLOATING
typedef float wide_t;
#else
typedef long long wide_t;
#endif

struct SumWide {
    wide_t total = 0;
    __device__ void take(acc_t x, long long) { total += x; }
    __device__ void merge(const SumWide& other) { total += other.total; }
    __device__ wide_t result(acc_t) const { return total; }
};

struct Prod {
    acc_t product = 1;
    __device__ void take(acc_t x, long long) { product *= x; }
    __device__ void merge(const Prod& other) { product *= other.product; }
    __device__ acc_t result(acc_t) const { return product; }
};

struct Any {
    int found = 0;
    __device__ void take(acc_t x, long long) { found |= x != 0; }
    __device__ void merge(const Any& other) { found |= other.found; }
    __device__ int result(acc_t) const { return found; }
};

struct All {
    int held = 1;
    __device__ void take(acc_t x, long long) { held &= x != 0; }
    __device__ void merge(const All& other) { held &= other.held; }
    __device__ int result(acc_t) const { return held; }
};

// The best element and where it first stands; NaN is better than anything.
template <bool GREATEST>
struct Best {
    acc_t value = 0;
    long long index = -1;  // none yet

    __device__ static bool better(acc_t a, acc_t b) { return GREATEST ? a > b : a < b; }

    __device__ void merge(const Best& other) {
        if (other.index < 0) return;
        bool nan = value != value, other_nan = other.value != other.value;
        bool equal = nan ? other_nan : value == other.value;
        bool wins = equal ? other.index < index : other_nan || (!nan && better(other.value, value));
        if (index < 0 || wins) *this = other;
    }
    // A thread meets its elements in the order of i, so the first of equals is the one it has.
    __device__ void take(acc_t x, long long i) {
        if (index < 0 || better(x, value) || (x != x && value == value)) value = x, index = i;
    }
    __device__ acc_t result(acc_t) const { return value; }
};

typedef Best<true> Max;
typedef Best<false> Min;

// Below or above what any element can be; a reduction to the greatest or least has at least one.
__device__ inline acc_t beyond(bool above) {
#ifdef FLOATING
    return acc_t(above ? INF_F : -INF_F);
#else
    acc_t greatest = sizeof(acc_t) == 8 ? acc_t(0x7fffffffffffffffll) : acc_t(0x7fffffff);
    return above ? greatest : -greatest - 1;
#endif
}

// The best element alone, in half the instructions.
struct Amax {
    acc_t value = beyond(false);
    __device__ void take(acc_t x, long long) { value = Maximum()(x, value); }
    __device__ void merge(const Amax& other) { take(other.value, 0); }
    __device__ acc_t result(acc_t) const { return value; }
};

struct Amin {
    acc_t value = beyond(true);
    __device__ void take(acc_t x, long long) { value = Minimum()(x, value); }
    __device__ void merge(const Amin& other) { take(other.value, 0); }
    __device__ acc_t result(acc_t) const { return value; }
};

#ifdef FLOATING
// Mean and sum of squared distances from it: Welford 1962, merged as in Chan, Golub & LeVeque 1979.
struct Var {
    acc_t count = 0, mean = 0, squares = 0;
    __device__ void take(acc_t x, long long) {
        count += 1;
        acc_t distance = x - mean;
        mean += distance / count;
        squares += distance * (x - mean);
    }
    __device__ void merge(const Var& other) {
        if (other.count == 0) return;
        acc_t both = count + other.count, distance = other.mean - mean, share = other.count / both;
        mean += distance * share;
        squares += other.squares + distance * distance * count * share;
        count = both;
    }
    __device__ acc_t result(acc_t divisor) const { return count == 0 ? acc_t(NAN_F) : squares / divisor; }
};
#endif

// N neighbours into one state.
template <class State, int N>
__device__ inline void take_all(State& state, const acc_t (&x)[N], long long i) {
#pragma unroll
    for (int k = 0; k < N; k++) state.take(x[k], i + k);
}

#ifdef FLOATING
// Their own mean and squares first, then merged: one division for all, which would else be what a GPU waits for.
template <int N>
__device__ inline void take_all(Var& state, const acc_t (&x)[N], long long) {
    Var pack;
    pack.count = N;
    for (int k = 0; k < N; k++) pack.mean += x[k];
    pack.mean *= acc_t(1) / N;
    for (int k = 0; k < N; k++) pack.squares += (x[k] - pack.mean) * (x[k] - pack.mean);
    state.merge(pack);
}
#endif

// ---- how

template <class State>
__device__ inline long long index_of(const State&) {
    return -1;
}

template <bool GREATEST>
__device__ inline long long index_of(const Best<GREATEST>& state) {
    return state.index;
}

template <class State, class Out>
__device__ inline void finish(const State& state, long long output, Out* out, long long* indices, acc_t divisor) {
    store(out + output, state.result(divisor));
    if (indices) indices[output] = index_of(state);
}

// take(read(i), i) for i, i + step ... before end, several reads in flight.
template <class Read, class Take>
__device__ inline void each(long long i, long long end, long long step, Read read, Take take) {
    const int IN_FLIGHT = 4;
    for (; i + (IN_FLIGHT - 1) * step < end; i += IN_FLIGHT * step) {
        decltype(read(i)) value[IN_FLIGHT];
#pragma unroll
        for (int k = 0; k < IN_FLIGHT; k++) value[k] = read(i + k * step);
#pragma unroll
        for (int k = 0; k < IN_FLIGHT; k++) take(value[k], i + k * step);
    }
#pragma unroll 1
    for (; i < end; i += step) take(read(i), i);
}

template <class State>
__device__ inline void take_pack(State& state, const Wide& pack, long long i) {
    acc_t x[WIDE];
#pragma unroll
    for (int k = 0; k < WIDE; k++) x[k] = load(&pack.item[k]);
    take_all(state, x, i);
}

// Elements begin ... end - 1 from `first`, shared by the lanes. They lie together or in packs, else anywhere.
template <class State>
__device__ inline void take_share(State& state, const scalar_t* first, const Walk& walk, long long begin,
                                  long long end, int lane, int lanes) {
    auto take = [&](acc_t x, long long i) { state.take(x, i); };
    auto element = [&](long long i) { return load(first + i); };
    if (walk.packs) {
        auto read = [&](long long i) { return *((const Wide*)first + locate(walk.reduced, i).of[0]); };
        each(begin + lane, end, lanes, read, [&](const Wide& pack, long long i) { take_pack(state, pack, i * WIDE); });
    } else if (walk.reduced.dims == 0) {  // whatever the row's alignment, all but its ends travel in packs
        int past = (size_t)(first + begin) % sizeof(Wide) / sizeof(scalar_t);
        long long head = min(end, begin + (WIDE - past) % WIDE);
        long long packs = (end - head) / WIDE, tail = head + packs * WIDE;
        each(begin + lane, head, lanes, element, take);
        auto read = [&](long long i) { return *(const Wide*)(first + head + i * WIDE); };
        auto take_in = [&](const Wide& pack, long long i) { take_pack(state, pack, head + i * WIDE); };
        each(lane, packs, lanes, read, take_in);
        each(tail + lane, end, lanes, element, take);
    } else {
        auto read = [&](long long i) { return load(first + locate(walk.reduced, i).of[0]); };
        each(begin + lane, end, lanes, read, take);
    }
}

// The merged N states of the block's `lanes` threads with the same `column`; true in the one thread that holds them.
template <int N, class State>
__device__ inline bool merge_lanes(State (&states)[N], State* scratch, int lane, int lanes, int column, int columns) {
    State* mine = scratch + (lane * columns + column) * N;
    for (int k = 0; k < N; k++) mine[k] = states[k];
    for (int half = lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half)
            for (int k = 0; k < N; k++) mine[k].merge(mine[half * columns * N + k]);
    }
    for (int k = 0; k < N; k++) states[k] = mine[k];
    return lane == 0;
}

template <int N, class State, class Out>
__device__ inline void finish_block(State (&states)[N], const Walk& walk, int lane, int lanes, int column, int columns,
                                    State* partial, Out* out, long long* indices, acc_t divisor) {
    extern __shared__ double scratch[];
    long long output = blockIdx.x * (long long)columns + column;
    if (!merge_lanes(states, (State*)scratch, lane, lanes, column, columns) || output >= walk.outputs) return;
    for (int k = 0; k < N; k++) {
        long long at = output * N + k;
        if (partial) partial[blockIdx.y * walk.outputs * N + at] = states[k];
        else finish(states[k], at, out, indices, divisor);
    }
}

template <class State, class Out>
__device__ inline void reduce(const scalar_t* x, const Walk& walk, State* partial, Out* out, long long* indices,
                              acc_t divisor) {
    bool along_x = !walk.outputs_together;
    int lane = along_x ? threadIdx.x : threadIdx.y, lanes = along_x ? blockDim.x : blockDim.y;
    int column = along_x ? threadIdx.y : threadIdx.x, columns = along_x ? blockDim.y : blockDim.x;
    long long output = blockIdx.x * (long long)columns + column;
    long long begin = blockIdx.y * walk.slice, end = min(begin + walk.slice, walk.length);
    if (walk.outputs_together && walk.packs) {
        State states[WIDE];
        if (output < walk.outputs) {
            const Wide* first = (const Wide*)x + locate(walk.kept, output).of[0];
            auto read = [&](long long i) { return first[locate(walk.reduced, i).of[0]]; };
            each(begin + lane, end, lanes, read, [&](const Wide& pack, long long i) {
#pragma unroll
                for (int k = 0; k < WIDE; k++) states[k].take(load(&pack.item[k]), i);
            });
        }
        finish_block(states, walk, lane, lanes, column, columns, partial, out, indices, divisor);
    } else {
        State states[1];
        if (output < walk.outputs) {
            const scalar_t* first = x + locate(walk.kept, output).of[0] * (walk.packs ? WIDE : 1);
            take_share(states[0], first, walk, begin, end, lane, lanes);
        }
        finish_block(states, walk, lane, lanes, column, columns, partial, out, indices, divisor);
    }
}

// One block an output: merges the states of its slices.
template <class State, class Out>
__device__ inline void merge_slices(const State* partial, int slices, Out* out, long long* indices, acc_t divisor) {
    extern __shared__ double scratch[];
    State states[1];
    for (int i = threadIdx.x; i < slices; i += blockDim.x) {
        states[0].merge(partial[i * (long long)gridDim.x + blockIdx.x]);
    }
    if (merge_lanes(states, (State*)scratch, threadIdx.x, blockDim.x, 0, 1)) {
        finish(states[0], blockIdx.x, out, indices, divisor);
    }
}

#define REDUCTION(name, State, out_t)                                                                         \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                      \
        reduce_##name(const scalar_t* x, Walk walk, State* partial, out_t* out, long long* indices,           \
                      acc_t divisor) {                                                                        \
        reduce(x, walk, partial, out, indices, divisor);                                                      \
    }                                                                                                         \
    extern "C" __global__ void merge_##name(const State* partial, int slices, out_t* out, long long* indices, \
                                            acc_t divisor) {                                                  \
        merge_slices(partial, slices, out, indices, divisor);                                                 \
    }

REDUCTION(sum, Sum, scalar_t)
REDUCTION(prod, Prod, scalar_t)
REDUCTION(any, Any, bool)
REDUCTION(all, All, bool)
REDUCTION(max, Max, scalar_t)
REDUCTION(min, Min, scalar_t)
REDUCTION(amax, Amax, scalar_t)
REDUCTION(amin, Amin, scalar_t)
#ifdef FLOATING
REDUCTION(var, Var, scalar_t)
#endif
#if !defined(DTYPE_F32) && !defined(DTYPE_F64) && !defined(DTYPE_I64)
REDUCTION(sum_wide, SumWide, wide_t)
#endif
