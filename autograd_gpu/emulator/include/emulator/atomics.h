// Atomic functions over the compiler's builtins: in a race-checked build those tell the checker that they are atomic.
#pragma once

#define EMU_ORDER __ATOMIC_RELAXED

#define EMU_ATOMIC_INTEGER(T)                                                            \
  static inline T atomicAdd(T *p, T v) { return __atomic_fetch_add(p, v, EMU_ORDER); }   \
  static inline T atomicSub(T *p, T v) { return __atomic_fetch_sub(p, v, EMU_ORDER); }   \
  static inline T atomicAnd(T *p, T v) { return __atomic_fetch_and(p, v, EMU_ORDER); }   \
  static inline T atomicOr(T *p, T v) { return __atomic_fetch_or(p, v, EMU_ORDER); }     \
  static inline T atomicXor(T *p, T v) { return __atomic_fetch_xor(p, v, EMU_ORDER); }   \
  static inline T atomicExch(T *p, T v) { return __atomic_exchange_n(p, v, EMU_ORDER); } \
  static inline T atomicMin(T *p, T v) {                                                 \
    return emu::update<T, T>(p, [=](T old) { return v < old ? v : old; });               \
  }                                                                                      \
  static inline T atomicMax(T *p, T v) {                                                 \
    return emu::update<T, T>(p, [=](T old) { return old < v ? v : old; });               \
  }                                                                                      \
  static inline T atomicCAS(T *p, T expected, T v) {                                     \
    __atomic_compare_exchange_n(p, &expected, v, false, EMU_ORDER, EMU_ORDER);           \
    return expected;                                                                     \
  }

namespace emu {
// *p = change(*p) as one atomic step, through an integer of T's size; gives the old value.
template <class T, class Bits, class Change> static inline T update(T *p, Change change) {
  Bits *cell = (Bits *)p, old = __atomic_load_n(cell, EMU_ORDER), next;
  do next = bits<Bits>(change(bits<T>(old)));
  while (!__atomic_compare_exchange_n(cell, &old, next, false, EMU_ORDER, EMU_ORDER));
  return bits<T>(old);
}
}  // namespace emu

EMU_ATOMIC_INTEGER(int)
EMU_ATOMIC_INTEGER(unsigned)
EMU_ATOMIC_INTEGER(long long)
EMU_ATOMIC_INTEGER(unsigned long long)
#undef EMU_ATOMIC_INTEGER

static inline unsigned atomicInc(unsigned *p, unsigned last) {
  return emu::update<unsigned, unsigned>(p, [=](unsigned old) { return old >= last ? 0 : old + 1; });
}
static inline unsigned atomicDec(unsigned *p, unsigned last) {
  return emu::update<unsigned, unsigned>(p, [=](unsigned old) { return old == 0 || old > last ? last : old - 1; });
}
static inline float atomicAdd(float *p, float v) {
  return emu::update<float, unsigned>(p, [=](float old) { return old + v; });
}
static inline double atomicAdd(double *p, double v) {
  return emu::update<double, unsigned long long>(p, [=](double old) { return old + v; });
}
static inline float atomicExch(float *p, float v) {
  return emu::update<float, unsigned>(p, [=](float) { return v; });
}
static inline unsigned short atomicCAS(unsigned short *p, unsigned short expected, unsigned short v) {
  __atomic_compare_exchange_n(p, &expected, v, false, EMU_ORDER, EMU_ORDER);
  return expected;
}
