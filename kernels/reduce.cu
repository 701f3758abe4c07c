// Reductions over any dimensions of an array in any layout, without a copy and in a fixed order.
//
// A block's threads are `lanes` along the reduction by the rest along the outputs; whichever of the two lies together
// in memory gets threadIdx.x, so that loads coalesce. Few outputs with much to reduce are cut into slices
// (blockIdx.y), whose partial states a second launch merges. No atomics: the same bits on every run.
#include "reduce.cuh"
#include "strides.cuh"

struct Walk {
    long long outputs, length;   // how many results, and elements in each
    long long slice;             // elements a block reduces; slice >= length: one launch is enough
    long long outputs_together;  // threadIdx.x runs along the outputs
    Layout<1> kept, reduced;     // where a result's first element lies, and the others from there
};

// ---- what is computed: a state that starts empty, takes in elements, and merges with others

struct Sum {
    acc_t total = 0;
    __device__ void take(acc_t x, long long) { total += x; }
    __device__ void merge(const Sum& other) { total += other.total; }
    __device__ acc_t result(acc_t divisor) const { return total / divisor; }  // 1 but for the mean
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
    __device__ void take(acc_t x, long long i) {
        Best other;
        other.value = x;
        other.index = i;
        merge(other);
    }
    __device__ acc_t result(acc_t) const { return value; }
};

typedef Best<true> Max;
typedef Best<false> Min;

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

// The merged state of the block's `lanes` threads with the same `column`; true in the one thread that holds it.
template <class State>
__device__ inline bool merge_lanes(State& state, State* scratch, int lane, int lanes, int column, int columns) {
    State* mine = scratch + lane * columns + column;
    *mine = state;
    for (int half = lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half) mine->merge(mine[half * columns]);
    }
    state = *mine;
    return lane == 0;
}

template <class State, class Out>
__device__ inline void reduce(const scalar_t* x, const Walk& walk, State* partial, Out* out, long long* indices,
                              acc_t divisor) {
    extern __shared__ double scratch[];
    bool along_x = !walk.outputs_together;
    int lane = along_x ? threadIdx.x : threadIdx.y, lanes = along_x ? blockDim.x : blockDim.y;
    int column = along_x ? threadIdx.y : threadIdx.x, columns = along_x ? blockDim.y : blockDim.x;

    long long output = blockIdx.x * (long long)columns + column;
    long long begin = blockIdx.y * walk.slice, end = min(begin + walk.slice, walk.length);
    State state;
    if (output < walk.outputs) {
        const scalar_t* first = x + locate(walk.kept, output).of[0];
        const int IN_FLIGHT = 4;
        long long i = begin + lane;
        for (; i + (IN_FLIGHT - 1) * lanes < end; i += IN_FLIGHT * lanes) {
            acc_t value[IN_FLIGHT];
#pragma unroll
            for (int k = 0; k < IN_FLIGHT; k++) value[k] = load(first + locate(walk.reduced, i + k * lanes).of[0]);
#pragma unroll
            for (int k = 0; k < IN_FLIGHT; k++) state.take(value[k], i + k * lanes);
        }
        for (; i < end; i += lanes) state.take(load(first + locate(walk.reduced, i).of[0]), i);
    }
    if (!merge_lanes(state, (State*)scratch, lane, lanes, column, columns) || output >= walk.outputs) return;
    if (partial) partial[blockIdx.y * walk.outputs + output] = state;
    else finish(state, output, out, indices, divisor);
}

// One block an output: merges the states of its slices.
template <class State, class Out>
__device__ inline void merge_slices(const State* partial, int slices, Out* out, long long* indices, acc_t divisor) {
    extern __shared__ double scratch[];
    State state;
    for (int i = threadIdx.x; i < slices; i += blockDim.x) {
        state.merge(partial[i * (long long)gridDim.x + blockIdx.x]);
    }
    if (merge_lanes(state, (State*)scratch, threadIdx.x, blockDim.x, 0, 1)) {
        finish(state, blockIdx.x, out, indices, divisor);
    }
}

#define REDUCTION(name, State, out_t)                                                                         \
    extern "C" __global__ void reduce_##name(const scalar_t* x, Walk walk, State* partial, out_t* out,        \
                                             long long* indices, acc_t divisor) {                             \
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
#ifdef FLOATING
REDUCTION(var, Var, scalar_t)
#endif
