// Loads and stores with cache hints: here the hint means nothing.
#pragma once

#define EMU_LOAD(name) \
  template <class T> static inline T name(const T *p) { return *p; }
EMU_LOAD(__ldg)
EMU_LOAD(__ldca)
EMU_LOAD(__ldcg)
EMU_LOAD(__ldcs)
EMU_LOAD(__ldlu)
EMU_LOAD(__ldcv)
#undef EMU_LOAD

#define EMU_STORE(name) \
  template <class T> static inline void name(T *p, T v) { *p = v; }
EMU_STORE(__stwb)
EMU_STORE(__stcg)
EMU_STORE(__stcs)
EMU_STORE(__stwt)
#undef EMU_STORE

// Only inline PTX can use what this gives.
static inline size_t __cvta_generic_to_shared(const void *p) { return (size_t)p; }
