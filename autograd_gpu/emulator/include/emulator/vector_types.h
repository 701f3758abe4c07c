// float2 ... double4, dim3 and their make_ functions, with CUDA's sizes and alignments.
#pragma once

#define EMU_VECTOR(T, name, size1, align2, align4)                                  \
  struct name##1 { T x; };                                                          \
  struct alignas(align2) name##2 { T x, y; };                                       \
  struct name##3 { T x, y, z; };                                                    \
  struct alignas(align4) name##4 { T x, y, z, w; };                                 \
  static inline name##1 make_##name##1(T x) { return {x}; }                         \
  static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                 \
  static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }         \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; } \
  static_assert(sizeof(T) == size1, "CUDA's " #name " has another size");

EMU_VECTOR(signed char, char, 1, 2, 4)
EMU_VECTOR(unsigned char, uchar, 1, 2, 4)
EMU_VECTOR(short, short, 2, 4, 8)
EMU_VECTOR(unsigned short, ushort, 2, 4, 8)
EMU_VECTOR(int, int, 4, 8, 16)
EMU_VECTOR(unsigned int, uint, 4, 8, 16)
EMU_VECTOR(long long, longlong, 8, 16, 16)
EMU_VECTOR(unsigned long long, ulonglong, 8, 16, 16)
EMU_VECTOR(float, float, 4, 8, 16)
EMU_VECTOR(double, double, 8, 16, 16)

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
