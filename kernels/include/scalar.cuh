// The element type of a kernel and how it travels between memory and registers.
//
// A file is compiled once per dtype with -Dscalar_t=<element> -Dacc_t=<what we compute in> and one -DDTYPE_<NAME>.
// float16 and bfloat16 are computed in float and rounded once, at the store; 8- to 32-bit integers and bool are
// computed in int (C's own promotion), so that they wrap at the store.
#pragma once

struct f16 {
    unsigned short bits;
};

struct bf16 {
    unsigned short bits;
};

// One word each, so that acc_t(1) is an expression for every dtype.
typedef unsigned char u8;
typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;

// INFINITY and NAN, which NVRTC does not have.
#define INF_F __int_as_float(0x7f800000)
#define NAN_F __int_as_float(0x7fc00000)

// ---- float <-> 16 bits, round to nearest even

#ifdef CUDA_EMU

__device__ inline float to_float(f16 x) {
    unsigned sign = (unsigned)(x.bits & 0x8000) << 16, magnitude = x.bits & 0x7fff;
    if (magnitude >= 0x7c00) return __int_as_float(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    // Exact for normal and subnormal values alike: place the bits, then scale by 2^112 (the exponent biases' gap).
    return __int_as_float(__float_as_int(__int_as_float(magnitude << 13) * 0x1p112f) | sign);
}

__device__ inline f16 to_f16(float x) {
    unsigned bits = __float_as_int(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return f16{0x7fff};
    if (magnitude >= 0x477ff000) return f16{(unsigned short)(sign | 0x7c00)};  // rounds to 65536 or beyond
    if (magnitude < 0x38800000) {  // subnormal: adding 0.5 leaves the 2^-24 steps in the low bits, rounded
        float shifted = __int_as_float(magnitude) + 0.5f;
        return f16{(unsigned short)(sign | (__float_as_int(shifted) - 0x3f000000))};
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return f16{(unsigned short)(sign | ((magnitude - 0x38000000) >> 13))};
}

#else

__device__ inline float to_float(f16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

__device__ inline f16 to_f16(float x) {
    f16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

#endif

__device__ inline float to_float(bf16 x) { return __int_as_float((int)((unsigned)x.bits << 16)); }

__device__ inline bf16 to_bf16(float x) {
#if defined(CUDA_EMU) || __CUDA_ARCH__ < 800
    unsigned bits = __float_as_int(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return bf16{0x7fff};
    return bf16{(unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
#else
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
#endif
}

// ---- load and store through the type we compute in

__device__ inline float load(const f16* p) { return to_float(*p); }
__device__ inline float load(const bf16* p) { return to_float(*p); }
__device__ inline float load(const float* p) { return *p; }
__device__ inline double load(const double* p) { return *p; }
__device__ inline int load(const bool* p) { return *p; }
__device__ inline int load(const unsigned char* p) { return *p; }
__device__ inline int load(const signed char* p) { return *p; }
__device__ inline int load(const short* p) { return *p; }
__device__ inline int load(const int* p) { return *p; }
__device__ inline long long load(const long long* p) { return *p; }

__device__ inline void store(f16* p, float x) { *p = to_f16(x); }
__device__ inline void store(bf16* p, float x) { *p = to_bf16(x); }
__device__ inline void store(float* p, float x) { *p = x; }
__device__ inline void store(double* p, double x) { *p = x; }
__device__ inline void store(bool* p, int x) { *p = x != 0; }
__device__ inline void store(unsigned char* p, int x) { *p = (unsigned char)x; }
__device__ inline void store(signed char* p, int x) { *p = (signed char)x; }
__device__ inline void store(short* p, int x) { *p = (short)x; }
__device__ inline void store(int* p, int x) { *p = x; }
__device__ inline void store(long long* p, long long x) { *p = x; }

// ---- several elements at once, up to the 16 bytes of the widest load

template <class T, int WIDTH = 16 / sizeof(T)>
struct alignas(sizeof(T) * WIDTH) Pack {
    T item[WIDTH];
};

// ---- kinds of dtype

#if defined(DTYPE_F16) || defined(DTYPE_BF16) || defined(DTYPE_F32) || defined(DTYPE_F64)
#define FLOATING 1
#endif
