// __half and __nv_bfloat16 for kernels that use CUDA's own types: every operation through float, rounded once.
#pragma once
#include "emulator/half_bits.h"

#define EMU_HALF(H, to, from)                                                   \
  struct alignas(2) H {                                                         \
    unsigned short bits;                                                        \
    H() = default;                                                              \
    H(float x) : bits(emu::to(x)) {}                                            \
    H(double x) : bits(emu::to((float)x)) {}                                    \
    H(int x) : bits(emu::to((float)x)) {}                                       \
    operator float() const { return emu::from(bits); }                          \
  };                                                                            \
  struct alignas(4) H##2 { H x, y; };                                           \
  static inline H operator+(H x, H y) { return H((float)x + (float)y); }        \
  static inline H operator-(H x, H y) { return H((float)x - (float)y); }        \
  static inline H operator*(H x, H y) { return H((float)x * (float)y); }        \
  static inline H operator/(H x, H y) { return H((float)x / (float)y); }        \
  static inline H operator-(H x) { return H(-(float)x); }                       \
  static inline H &operator+=(H &x, H y) { return x = x + y; }                  \
  static inline H &operator-=(H &x, H y) { return x = x - y; }                  \
  static inline H &operator*=(H &x, H y) { return x = x * y; }                  \
  static inline bool operator<(H x, H y) { return (float)x < (float)y; }        \
  static inline bool operator>(H x, H y) { return (float)x > (float)y; }        \
  static inline bool operator==(H x, H y) { return (float)x == (float)y; }      \
  static inline H __hadd(H x, H y) { return x + y; }                            \
  static inline H __hsub(H x, H y) { return x - y; }                            \
  static inline H __hmul(H x, H y) { return x * y; }                            \
  static inline H __hdiv(H x, H y) { return x / y; }                            \
  static inline H __hneg(H x) { return -x; }                                    \
  static inline H __hfma(H x, H y, H z) { return H(fmaf(x, y, z)); }            \
  static inline H __hmax(H x, H y) { return H(fmaxf(x, y)); }                   \
  static inline H __hmin(H x, H y) { return H(fminf(x, y)); }                   \
  static inline bool __hisnan(H x) { return isnan((float)x); }                  \
  static inline H##2 __hadd2(H##2 a, H##2 b) { return {a.x + b.x, a.y + b.y}; } \
  static inline H##2 __hmul2(H##2 a, H##2 b) { return {a.x * b.x, a.y * b.y}; } \
  static inline H##2 __hfma2(H##2 a, H##2 b, H##2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }

EMU_HALF(__half, to_f16, from_f16)
EMU_HALF(__nv_bfloat16, to_bf16, from_bf16)
#undef EMU_HALF

typedef __half half;
typedef __half2 half2;
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

static inline float __half2float(__half x) { return x; }
static inline __half __float2half(float x) { return x; }
static inline __half __float2half_rn(float x) { return x; }
static inline float2 __half22float2(__half2 v) { return {v.x, v.y}; }
static inline __half2 __floats2half2_rn(float x, float y) { return {x, y}; }
static inline __half2 __float22half2_rn(float2 v) { return {v.x, v.y}; }
static inline unsigned short __half_as_ushort(__half x) { return x.bits; }
static inline __half __ushort_as_half(unsigned short x) { return emu::bits<__half>(x); }

static inline float __bfloat162float(__nv_bfloat16 x) { return x; }
static inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
static inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
static inline float2 __bfloat1622float2(__nv_bfloat162 v) { return {v.x, v.y}; }
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return {x, y}; }
static inline __nv_bfloat162 __float22bfloat162_rn(float2 v) { return {v.x, v.y}; }
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short x) { return emu::bits<__nv_bfloat16>(x); }
