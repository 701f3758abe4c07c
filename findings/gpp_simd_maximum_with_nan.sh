#!/usr/bin/env bash
# g++ 12.2: "#pragma omp simd reduction(max: m)" makes the maximum of 64 ones and one NaN -inf, though the loop keeps NaN.
#
# Expected: m = (x > m || x != x) ? x : m keeps a NaN or, if the reduction may drop it, gives the 1 of the other elements.
# Seen: -inf with -O0 and, for a NaN in the first element, with -O3; elsewhere 1. Without the pragma the answer is NaN. The lanes
# are combined with > once more, and what was NaN in all lanes loses against the -inf that the reduction began with.
# So a NaN test after the loop finds nothing: kernels need lanes of their own and an explicit last step.
#
# Needs g++ 12 and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
g++ --version | head -n 1
cat > "$folder/maximum.cpp" <<'CPP'
#include <cmath>
#include <cstdio>
#include <vector>

__attribute__((noinline)) float maximum(const float* p, long n) {
    float m = -INFINITY;
#ifdef SIMD
#pragma omp simd reduction(max : m)
#endif
    for (long i = 0; i < n; i++) m = (p[i] > m || p[i] != p[i]) ? p[i] : m;
    return m;
}

int main() {
    for (int place : {0, 5, 63}) {
        std::vector<float> x(64, 1.0f);
        x[place] = NAN;
        std::printf("%d:%f ", place, maximum(x.data(), 64));
    }
}
CPP
seen() { g++ "$@" "$folder/maximum.cpp" -o "$folder/maximum" && "$folder/maximum"; }
plain=$(seen -O3 -fopenmp-simd) unoptimised=$(seen -O0 -fopenmp-simd -DSIMD) optimised=$(seen -O3 -fopenmp-simd -DSIMD)
printf 'without the pragma  %s\nwith it, -O0        %s\nwith it, -O3        %s\n' "$plain" "$unoptimised" "$optimised"
[ "$plain" = "0:nan 5:nan 63:nan " ]
[ "$unoptimised" = "0:-inf 5:-inf 63:-inf " ]
[ "$optimised" = "0:-inf 5:1.000000 63:1.000000 " ]
