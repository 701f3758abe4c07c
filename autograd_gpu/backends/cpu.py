"""What the processor can do."""

from __future__ import annotations


def get_cpu_capability() -> str:
    """Return the widest vectors that NumPy finds on this processor: "AVX512", "AVX2" or "DEFAULT"."""
    from numpy._core._multiarray_umath import __cpu_features__ as has

    return "AVX512" if has.get("AVX512F") else "AVX2" if has.get("AVX2") else "DEFAULT"
