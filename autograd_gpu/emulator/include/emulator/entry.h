// A kernel's entry point as the launcher sees it: a table of its true parameters, and a call from a packed buffer.
// rewrite.py appends a function that calls emu::describe for each kernel.
#pragma once

namespace emu {
template <class T> const char *type_name() { return __PRETTY_FUNCTION__; }

template <class T> struct Element {
  static constexpr char code = __is_enum(T) ? 'i' : 'V';
  static constexpr int size = sizeof(T);
};
template <> struct Element<void> {
  static constexpr char code = 'v';
  static constexpr int size = 0;
};
template <class T> struct Element<T *> {
  static constexpr char code = 'p';
  static constexpr int size = sizeof(T *);
};

#define EMU_ELEMENT(T, letter)             \
  template <> struct Element<T> {          \
    static constexpr char code = letter;   \
    static constexpr int size = sizeof(T); \
  };
EMU_ELEMENT(bool, 'b')
EMU_ELEMENT(char, 'i')
EMU_ELEMENT(signed char, 'i')
EMU_ELEMENT(unsigned char, 'u')
EMU_ELEMENT(short, 'i')
EMU_ELEMENT(unsigned short, 'u')
EMU_ELEMENT(int, 'i')
EMU_ELEMENT(unsigned, 'u')
EMU_ELEMENT(long, 'i')
EMU_ELEMENT(unsigned long, 'u')
EMU_ELEMENT(long long, 'i')
EMU_ELEMENT(unsigned long long, 'u')
EMU_ELEMENT(float, 'f')
EMU_ELEMENT(double, 'f')
#undef EMU_ELEMENT

// A pointer to vectors takes an array of their components.
#define EMU_ELEMENT(T, scalar) \
  template <> struct Element<T> : Element<scalar> {};
EMU_ELEMENT(float2, float)
EMU_ELEMENT(float4, float)
EMU_ELEMENT(double2, double)
EMU_ELEMENT(int2, int)
EMU_ELEMENT(int4, int)
EMU_ELEMENT(uint2, unsigned)
EMU_ELEMENT(uint4, unsigned)
EMU_ELEMENT(longlong2, long long)
#undef EMU_ELEMENT

template <class T> struct Parameter {
  static constexpr char kind = __is_class(T) || __is_union(T) ? 'V' : 'S', code = kind == 'V' ? 'V' : Element<T>::code;
  static constexpr bool is_const = false;
  static constexpr int element_size = sizeof(T);
  static const char *type() { return type_name<T>(); }
};
template <class T> struct Parameter<T *> {
  static constexpr char kind = 'P', code = Element<T>::code;
  static constexpr bool is_const = false;
  static constexpr int element_size = Element<T>::size;
  static const char *type() { return type_name<T>(); }
};
template <class T> struct Parameter<const T *> : Parameter<T *> {
  static constexpr bool is_const = true;
};
template <class T> struct Parameter<T *__restrict__> : Parameter<T *> {};

template <int... I> struct Indices {};

template <class F> struct Entry;
template <class... A> struct Entry<void (*)(A...)> {
  static constexpr int count = sizeof...(A);

  // Natural alignment, as in the driver's CU_LAUNCH_PARAM_BUFFER_POINTER; offset(count) is the size of the buffer.
  static constexpr int offset(int index) {
    constexpr int sizes[] = {(int)sizeof(A)..., 0}, alignments[] = {(int)alignof(A)..., 1};
    int position = 0;
    for (int i = 0; i < index; i++) {
      position = (position + alignments[i] - 1) / alignments[i] * alignments[i];
      position += sizes[i];
    }
    return (position + alignments[index] - 1) / alignments[index] * alignments[index];
  }

  template <void (*kernel)(A...)> struct Call {
    template <int... I> static void unpack(const char *packed, Indices<I...>) { kernel(*(A *)(packed + offset(I))...); }
    static void run(const char *packed) { unpack(packed, Indices<__integer_pack(count)...>()); }
  };

  static const emu_parameter *parameters() {
    static emu_parameter table[] = {{Parameter<A>::type(), Parameter<A>::kind, Parameter<A>::code,
                                     Parameter<A>::is_const, Parameter<A>::element_size, (int)sizeof(A), 0}...,
                                    {}};
    for (int i = 0; i < count; i++) table[i].offset = offset(i);
    return table;
  }
};

template <auto kernel> emu_kernel describe(const char *parameter_names, int max_threads) {
  typedef Entry<decltype(kernel)> E;
  using Call = typename E::template Call<kernel>;
  return {parameter_names, Call::run, E::parameters(), E::count, E::offset(E::count), max_threads};
}
}  // namespace emu
