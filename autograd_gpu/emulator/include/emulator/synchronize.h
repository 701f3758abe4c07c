// Barriers, fences, warp shuffles, votes and reductions. Each carries its caller's line for the error reports.
#pragma once

static inline void __syncthreads(EMU_CALLER) { emu_barrier(0, EMU_COUNT, "__syncthreads", EMU_SITE); }
static inline int __syncthreads_count(int predicate, EMU_CALLER) {
  return emu_barrier(predicate, EMU_COUNT, "__syncthreads_count", EMU_SITE);
}
static inline int __syncthreads_and(int predicate, EMU_CALLER) {
  return emu_barrier(predicate, EMU_AND, "__syncthreads_and", EMU_SITE);
}
static inline int __syncthreads_or(int predicate, EMU_CALLER) {
  return emu_barrier(predicate, EMU_OR, "__syncthreads_or", EMU_SITE);
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, EMU_CALLER) { emu_syncwarp(mask, EMU_SITE); }

// Threads run one at a time, in program order: a fence has nothing to do. The race checker does not count it as order.
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline void __nanosleep(unsigned) {}

namespace emu {
template <class T> struct Shuffled {
  T value, result;
  int source;
};

// A lane outside the mask has no value to give: its reader gets NaN in every float format.
template <class T> void shuffle_lanes(void **lanes) {
  for (int i = 0; i < 32; i++) {
    if (!lanes[i]) continue;
    auto *mine = (Shuffled<T> *)lanes[i];
    auto *source = (Shuffled<T> *)lanes[mine->source];
    if (source) mine->result = source->value;
    else __builtin_memset(&mine->result, 0xff, sizeof(T));
  }
}

template <class T> T shuffle(unsigned mask, T value, int source, const char *operation, emu_site site) {
  Shuffled<T> shuffled{value, value, source};
  emu_collective(mask, &shuffled, shuffle_lanes<T>, operation, site);
  return shuffled.result;
}

static inline int segment(int width, const char *operation) {
  if (width < 1 || width > 32 || width & (width - 1)) emu_fail("%s: width %d is not a power of two", operation, width);
  return emu_now.lane & ~(width - 1);
}
}  // namespace emu

template <class T> static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, EMU_CALLER) {
  int first = emu::segment(width, "__shfl_sync");
  return emu::shuffle(mask, value, first + (lane & (width - 1)), "__shfl_sync", EMU_SITE);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_CALLER) {
  int first = emu::segment(width, "__shfl_up_sync"), source = emu_now.lane - (int)delta;
  return emu::shuffle(mask, value, source < first ? emu_now.lane : source, "__shfl_up_sync", EMU_SITE);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_CALLER) {
  int end = emu::segment(width, "__shfl_down_sync") + width, source = emu_now.lane + (int)delta;
  return emu::shuffle(mask, value, source >= end ? emu_now.lane : source, "__shfl_down_sync", EMU_SITE);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, EMU_CALLER) {
  int end = emu::segment(width, "__shfl_xor_sync") + width, source = (emu_now.lane ^ lanes) & 31;
  return emu::shuffle(mask, value, source >= end ? emu_now.lane : source, "__shfl_xor_sync", EMU_SITE);
}

namespace emu {
template <class T> struct Reduced {
  T value, result;
};

template <class T, class Fold>
static inline T reduce(unsigned mask, T value, Fold, const char *operation, emu_site site) {
  Reduced<T> reduced{value, value};
  auto combine = [](void **lanes) {
    bool first = true;
    T total{};
    for (int i = 0; i < 32; i++) {
      if (!lanes[i]) continue;
      T next = ((Reduced<T> *)lanes[i])->value;
      total = first ? next : Fold::fold(total, next);
      first = false;
    }
    for (int i = 0; i < 32; i++)
      if (lanes[i]) ((Reduced<T> *)lanes[i])->result = total;
  };
  emu_collective(mask, &reduced, combine, operation, site);
  return reduced.result;
}

#define EMU_FOLD(name, expression)                                    \
  struct name {                                                       \
    template <class T> static T fold(T x, T y) { return expression; } \
  };
EMU_FOLD(Add, x + y)
EMU_FOLD(Min, y < x ? y : x)
EMU_FOLD(Max, x < y ? y : x)
EMU_FOLD(And, (x & y))
EMU_FOLD(Or, x | y)
EMU_FOLD(Xor, x ^ y)
#undef EMU_FOLD
}  // namespace emu

static inline unsigned __ballot_sync(unsigned mask, int predicate, EMU_CALLER) {
  return emu::reduce(mask, predicate ? 1u << emu_now.lane : 0u, emu::Or(), "__ballot_sync", EMU_SITE);
}
static inline int __any_sync(unsigned mask, int predicate, EMU_CALLER) {
  return emu::reduce(mask, (unsigned)!!predicate, emu::Or(), "__any_sync", EMU_SITE);
}
static inline int __all_sync(unsigned mask, int predicate, EMU_CALLER) {
  return emu::reduce(mask, (unsigned)!!predicate, emu::And(), "__all_sync", EMU_SITE);
}
#define EMU_REDUCE(T, name, Fold)                                  \
  static inline T name(unsigned mask, T value, EMU_CALLER) {       \
    return emu::reduce(mask, value, emu::Fold(), #name, EMU_SITE); \
  }
EMU_REDUCE(int, __reduce_add_sync, Add)
EMU_REDUCE(unsigned, __reduce_add_sync, Add)
EMU_REDUCE(int, __reduce_min_sync, Min)
EMU_REDUCE(unsigned, __reduce_min_sync, Min)
EMU_REDUCE(int, __reduce_max_sync, Max)
EMU_REDUCE(unsigned, __reduce_max_sync, Max)
EMU_REDUCE(unsigned, __reduce_and_sync, And)
EMU_REDUCE(unsigned, __reduce_or_sync, Or)
EMU_REDUCE(unsigned, __reduce_xor_sync, Xor)
#undef EMU_REDUCE

// The lanes whose value equals the caller's.
template <class T> static inline unsigned __match_any_sync(unsigned mask, T value, EMU_CALLER) {
  struct Matched {
    T value;
    unsigned equal;
  } matched{value, 0};
  auto combine = [](void **lanes) {
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++)
        if (lanes[i] && lanes[j] && ((Matched *)lanes[i])->value == ((Matched *)lanes[j])->value)
          ((Matched *)lanes[i])->equal |= 1u << j;
  };
  emu_collective(mask, &matched, combine, "__match_any_sync", EMU_SITE);
  return matched.equal;
}
