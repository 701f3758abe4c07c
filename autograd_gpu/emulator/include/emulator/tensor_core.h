// Host twins of the tensor-core instructions, with PTX's fragment layouts. A kernel calls them under CUDA_EMU, next to
// the inline PTX that they stand for. A layout mistaken in both places passes here: only a GPU proves such a kernel.
#pragma once
#include "emulator/half_bits.h"

namespace emu {
// What a warp's mma.sync of shape m16n8kK multiplies, gathered from the fragments of its 32 lanes.
struct Fragments {
  float *d;
  const unsigned *a, *b;
};

static inline float from_tf32(unsigned x) { return bits<float>(x & 0xffffe000u); }  // 10 bits of mantissa are read

static inline Fragments &fragments(void **lanes, int lane) {
  if (!lanes[lane]) emu_fail("mma.sync: lane %d of the warp does not take part", lane);
  return *(Fragments *)lanes[lane];
}

// d += a b, with d's fragment as every m16n8 shape lays it out.
template <int K> static inline void multiply_accumulate(void **lanes, float (&a)[16][K], float (&b)[K][8]) {
  for (int lane = 0; lane < 32; lane++)
    for (int r = 0; r < 4; r++) {
      int row = lane / 4 + r / 2 * 8, column = lane % 4 * 2 + r % 2;
      float sum = fragments(lanes, lane).d[r];
      for (int k = 0; k < K; k++) sum += a[row][k] * b[k][column];
      fragments(lanes, lane).d[r] = sum;
    }
}

template <float (*convert)(unsigned short)> void mma_m16n8k16(void **lanes) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; lane++) {
    Fragments &f = fragments(lanes, lane);
    int group = lane / 4, pair = lane % 4 * 2;
    for (int half = 0; half < 2; half++) {
      for (int r = 0; r < 4; r++)
        a[group + r % 2 * 8][pair + half + r / 2 * 8] = convert((unsigned short)(f.a[r] >> 16 * half));
      for (int r = 0; r < 2; r++) b[pair + half + r * 8][group] = convert((unsigned short)(f.b[r] >> 16 * half));
    }
  }
  multiply_accumulate<16>(lanes, a, b);
}

static inline void mma_m16n8k8_tf32(void **lanes) {
  float a[16][8], b[8][8];
  for (int lane = 0; lane < 32; lane++) {
    Fragments &f = fragments(lanes, lane);
    int group = lane / 4, column = lane % 4;
    for (int r = 0; r < 4; r++) a[group + r % 2 * 8][column + r / 2 * 4] = from_tf32(f.a[r]);
    for (int r = 0; r < 2; r++) b[column + r * 4][group] = from_tf32(f.b[r]);
  }
  multiply_accumulate<8>(lanes, a, b);
}

struct MatrixRow {
  unsigned short values[8];
  unsigned *result;
};
}  // namespace emu

#define EMU_MMA(name, combine)                                                                         \
  static inline void name(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], EMU_CALLER) { \
    emu::Fragments mine{d, a, b};                                                                      \
    emu_collective(0xffffffffu, &mine, combine, "mma.sync", EMU_SITE);                                 \
  }
EMU_MMA(emu_mma_m16n8k16_bf16, emu::mma_m16n8k16<emu::from_bf16>)
EMU_MMA(emu_mma_m16n8k16_f16, emu::mma_m16n8k16<emu::from_f16>)
EMU_MMA(emu_mma_m16n8k8_tf32, emu::mma_m16n8k8_tf32)
#undef EMU_MMA

// ldmatrix.xN(.trans): lane i gives the address of row i % 8 of 8x8 matrix i / 8; every lane gets two halves of each.
template <int N, bool transposed> static inline void emu_ldmatrix(unsigned (&result)[N], const void *row, EMU_CALLER) {
  emu::MatrixRow mine{{}, result};
  if (emu_now.lane < 8 * N) {
    if ((unsigned long)row % 16) emu_fail("ldmatrix at %s:%d: row address is not 16-byte aligned", file, line);
    for (int i = 0; i < 8; i++) mine.values[i] = ((const unsigned short *)row)[i];
  }
  auto combine = [](void **lanes) {
    for (int lane = 0; lane < 32; lane++)
      for (int matrix = 0; matrix < N; matrix++) {
        unsigned halves[2];
        for (int h = 0; h < 2; h++) {
          int along = lane / 4, across = lane % 4 * 2 + h;
          int row = transposed ? across : along, column = transposed ? along : across;
          halves[h] = ((emu::MatrixRow *)lanes[matrix * 8 + row])->values[column];
        }
        ((emu::MatrixRow *)lanes[lane])->result[matrix] = halves[0] | halves[1] << 16;
      }
  };
  emu_collective(0xffffffffu, &mine, combine, "ldmatrix", EMU_SITE);
}
