// Random numbers from counters: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw 2011). The state is (seed, offset) in
// device memory; element i's words depend on it alone, so every launch geometry and device makes the same numbers.
#include "scalar.cuh"

struct Words {
    unsigned word[4];
};

// The four words of one counter.
__device__ inline Words philox(unsigned long long seed, unsigned long long counter) {
    unsigned c0 = (unsigned)counter, c1 = (unsigned)(counter >> 32), c2 = 0, c3 = 0;
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        unsigned high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        unsigned high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return Words{{c0, c1, c2, c3}};
}

__device__ inline float unit_float(unsigned word) { return (word >> 8) * 0x1p-24f; }

__device__ inline double unit_double(unsigned high, unsigned low) {
    return ((high >> 5) * 67108864.0 + (low >> 6)) * 0x1p-53;
}

// float16 and bfloat16 round some numbers up to 1, which does not belong to [0, 1): the largest below stands in.
__device__ inline void store_unit(f16* p, float x) { *p = to_f16(fminf(x, 0.99951171875f)); }
__device__ inline void store_unit(bf16* p, float x) { *p = to_bf16(fminf(x, 0.99609375f)); }
__device__ inline void store_unit(float* p, float x) { *p = x; }

#ifdef CUDA_HOST

// A block makes its share of the counters, whose words are made in runs, by vector code.
template <class F>
__attribute__((flatten, noinline)) static void for_each_counter(const long long* state, long long counters, F f) {
    const int RUN = 64;
    const unsigned long long seed = state[0], offset = state[1];
    const long long begin = counters * blockIdx.x / gridDim.x, end = counters * (blockIdx.x + 1) / gridDim.x;
    unsigned word[4][RUN];
    for (long long i = begin; i < end; i += RUN) {
        for (int k = 0; k < RUN; k++) {
            Words words = philox(seed, offset + i + k);
            for (int w = 0; w < 4; w++) word[w][k] = words.word[w];
        }
        for (int k = 0; k < min((long long)RUN, end - i); k++)
            f(i + k, Words{{word[0][k], word[1][k], word[2][k], word[3][k]}});
    }
}

#else

// A thread makes the elements of one counter: `for_each_counter(state, n, f)` calls f(counter's number, words).
template <class F>
__device__ inline void for_each_counter(const long long* state, long long counters, F f) {
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < counters; i += threads) {
        f(i, philox(state[0], (unsigned long long)state[1] + i));
    }
}

#endif

// N neighbours from p on, of which `left` exist: in one piece where that is all of them and they lie right.
template <int N, class T>
__device__ inline Pack<T, N> take(const T* p, long long left) {
    if (left >= N && (size_t)p % sizeof(Pack<T, N>) == 0) return *(const Pack<T, N>*)p;
    Pack<T, N> pack = {};
    for (int k = 0; k < N; k++)
        if (k < left) pack.item[k] = p[k];
    return pack;
}

template <int N, class T>
__device__ inline void put(T* p, const Pack<T, N>& pack, long long left) {
    if (left >= N && (size_t)p % sizeof(pack) == 0) {
        *(Pack<T, N>*)p = pack;
        return;
    }
    for (int k = 0; k < N; k++)
        if (k < left) p[k] = pack.item[k];
}

// y[i] in [0, 1).
extern "C" __global__ void uniform(const long long* state, scalar_t* y, long long count) {
#ifdef DTYPE_F64
    for_each_counter(state, (count + 1) / 2, [=](long long counter, Words words) {
        Pack<double, 2> pack;
        for (int k = 0; k < 2; k++) pack.item[k] = unit_double(words.word[2 * k], words.word[2 * k + 1]);
        put(y + 2 * counter, pack, count - 2 * counter);
    });
#else
    for_each_counter(state, (count + 3) / 4, [=](long long counter, Words words) {
        Pack<scalar_t, 4> pack;
        for (int k = 0; k < 4; k++) store_unit(&pack.item[k], unit_float(words.word[k]));
        put(y + 4 * counter, pack, count - 4 * counter);
    });
#endif
}

// y[i] from the standard normal distribution, two from two words: Box & Muller 1958.
extern "C" __global__ void normal(const long long* state, scalar_t* y, long long count) {
    for_each_counter(state, (count + 3) / 4, [=](long long counter, Words words) {
        Pack<scalar_t, 4> pack;
        for (int k = 0; k < 4; k += 2) {
            acc_t u1 = ((words.word[k] >> 8) + acc_t(1)) * acc_t(0x1p-24);  // never 0, which has no logarithm
            acc_t angle = acc_t(6.283185307179586) * ((words.word[k + 1] >> 8) * acc_t(0x1p-24));
            acc_t radius = sqrt(-2 * log(u1));
            store(&pack.item[k], radius * cos(angle));
            store(&pack.item[k + 1], radius * sin(angle));
        }
        put(y + 4 * counter, pack, count - 4 * counter);
    });
}

// keep[i] with probability 1 - p; y[i] = x[i] / (1 - p) where kept, else 0. `scale` is 1 / (1 - p).
extern "C" __global__ void dropout(const long long* state, const scalar_t* x, scalar_t* y, bool* keep, long long count,
                                   float p, acc_t scale) {
    for_each_counter(state, (count + 3) / 4, [=](long long counter, Words words) {
        long long i = 4 * counter;
        Pack<scalar_t, 4> in = take<4>(x + i, count - i), out;
        Pack<bool, 4> kept;
        for (int k = 0; k < 4; k++) {
            kept.item[k] = unit_float(words.word[k]) >= p;
            store(&out.item[k], load(&in.item[k]) * kept.item[k] * scale);
        }
        put(keep + i, kept, count - i);
        put(y + i, out, count - i);
    });
}

// The next call's numbers begin `counters` further on. A launch of its own: every reader of the old offset is done.
extern "C" __global__ void advance_state(long long* state, long long counters) { state[1] += counters; }
