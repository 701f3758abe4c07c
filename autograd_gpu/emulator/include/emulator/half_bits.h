// float16 and bfloat16 as 16 bits: conversions from and to float, rounding to nearest even.
#pragma once

namespace emu {
static inline float from_bf16(unsigned short h) { return bits<float>((unsigned)h << 16); }

static inline unsigned short to_bf16(float x) {
  unsigned u = bits<unsigned>(x);
  if (x != x) return 0x7fff;  // the device's canonical NaN
  return (unsigned short)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float from_f16(unsigned short h) {
  unsigned sign = (unsigned)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
  if (exponent == 31) return bits<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * (float)mantissa * 0x1p-24f;
  return bits<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

static inline unsigned short to_f16(float x) {
  unsigned u = bits<unsigned>(x), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x477ff000u) return (unsigned short)(sign | 0x7c00);  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {  // a subnormal half: adding 0.5 makes the float unit round at 2^-24
    float aligned = bits<float>(magnitude) + 0.5f;
    return (unsigned short)(sign | (bits<unsigned>(aligned) - 0x3f000000u));
  }
  return (unsigned short)(sign | (magnitude - 0x38000000u + 0xfff + (magnitude >> 13 & 1)) >> 13);
}
}  // namespace emu
