// What -fsanitize=thread and -fsanitize=undefined make a kernel call. The compiler's own sanitizer libraries are never
// linked: these are the only definitions. The return address tells the line of the kernel.
#include "runtime.h"

#include <cstring>

using namespace runtime;
#define CALLER __builtin_return_address(0)

extern "C" {

// ---- plain accesses

#define HOOK_ACCESS(size)                                                                      \
  void __tsan_read##size(void *p) { check_access(p, size, Access::READ, CALLER); }             \
  void __tsan_write##size(void *p) { check_access(p, size, Access::WRITE, CALLER); }           \
  void __tsan_unaligned_read##size(void *p) { check_access(p, size, Access::READ, CALLER); }   \
  void __tsan_unaligned_write##size(void *p) { check_access(p, size, Access::WRITE, CALLER); } \
  void __tsan_volatile_read##size(void *p) { check_access(p, size, Access::READ, CALLER); }    \
  void __tsan_volatile_write##size(void *p) { check_access(p, size, Access::WRITE, CALLER); }
HOOK_ACCESS(1)
HOOK_ACCESS(2)
HOOK_ACCESS(4)
HOOK_ACCESS(8)
HOOK_ACCESS(16)
void __tsan_read_range(void *p, unsigned long size) { check_access(p, size, Access::READ, CALLER); }
void __tsan_write_range(void *p, unsigned long size) { check_access(p, size, Access::WRITE, CALLER); }

// Calls of memcpy and memset in a race-checked kernel are linked to these (build.py: --wrap).
void *__wrap_memcpy(void *to, const void *from, unsigned long size) {
  check_access(from, size, Access::READ, CALLER);
  check_access(to, size, Access::WRITE, CALLER);
  return memcpy(to, from, size);
}
void *__wrap_memset(void *to, int byte, unsigned long size) {
  check_access(to, size, Access::WRITE, CALLER);
  return memset(to, byte, size);
}

void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}

// ---- atomics: only one thread runs at a time, so plain code is atomic

#define HOOK_UPDATE(bits, T, name, expression)          \
  T __tsan_atomic##bits##_##name(T *p, T v, int) {      \
    check_access(p, sizeof(T), Access::ATOMIC, CALLER); \
    T old = *p;                                         \
    *p = expression;                                    \
    return old;                                         \
  }
#define HOOK_EXCHANGE(bits, T, strength)                                                    \
  int __tsan_atomic##bits##_compare_exchange_##strength(T *p, T *expected, T v, int, int) { \
    check_access(p, sizeof(T), Access::ATOMIC, CALLER);                                     \
    bool same = *p == *expected;                                                            \
    (same ? *p : *expected) = same ? v : *p;                                                \
    return same;                                                                            \
  }
#define HOOK_ATOMIC(bits, T)                            \
  T __tsan_atomic##bits##_load(const T *p, int) {       \
    check_access(p, sizeof(T), Access::ATOMIC, CALLER); \
    return *p;                                          \
  }                                                     \
  void __tsan_atomic##bits##_store(T *p, T v, int) {    \
    check_access(p, sizeof(T), Access::ATOMIC, CALLER); \
    *p = v;                                             \
  }                                                     \
  HOOK_UPDATE(bits, T, exchange, v)                     \
  HOOK_UPDATE(bits, T, fetch_add, old + v)              \
  HOOK_UPDATE(bits, T, fetch_sub, old - v)              \
  HOOK_UPDATE(bits, T, fetch_and, (old & v))             \
  HOOK_UPDATE(bits, T, fetch_or, old | v)               \
  HOOK_UPDATE(bits, T, fetch_xor, old ^ v)              \
  HOOK_EXCHANGE(bits, T, strong)                        \
  HOOK_EXCHANGE(bits, T, weak)
HOOK_ATOMIC(8, uint8_t)
HOOK_ATOMIC(16, uint16_t)
HOOK_ATOMIC(32, uint32_t)
HOOK_ATOMIC(64, uint64_t)
void __tsan_atomic_thread_fence(int) {}

// ---- undefined behaviour: reported at once, since the thread cannot go on

void __ubsan_handle_out_of_bounds_abort(void *, void *index) {
  fail_at(CALLER, format("array index %ld out of bounds", (long)index));
}
void __ubsan_handle_shift_out_of_bounds_abort(void *, void *, void *exponent) {
  fail_at(CALLER, format("shift exponent %ld out of range", (long)exponent));
}
void __ubsan_handle_divrem_overflow_abort(void *, void *, void *) {
  fail_at(CALLER, "integer division by zero or overflow");
}
void __ubsan_handle_missing_return(void *) { fail_at(CALLER, "a function that returns a value ended without one"); }
void __ubsan_handle_builtin_unreachable(void *) { fail_at(CALLER, "code marked unreachable was reached"); }

// The data begins with the source position, then a pointer to the type and the logarithm of its alignment.
struct TypeMismatch {
  const char *file;
  unsigned line, column;
  void *type;
  unsigned char log_alignment;
};
void __ubsan_handle_type_mismatch_v1_abort(TypeMismatch *mismatch, void *p) {
  unsigned long alignment = 1ul << mismatch->log_alignment;
  std::string where;
  if (const Buffer *buffer = find_buffer(p))
    where = format(": %s, byte offset %ld", argument_of(*buffer).c_str(), (long)((char *)p - buffer->begin));
  fail_at(CALLER, format("misaligned access at %p, %lu-byte alignment needed", p, alignment) + where);
}
}
