"""The rewriting of preprocessed text: line numbers stay, and only the CUDA keywords go."""

import pytest

from autograd_gpu.emulator import EmulatorError
from autograd_gpu.emulator.rewrite import find_kernels, rewrite


def test_kernels_with_their_parameters_and_bounds():
    text = """
    extern "C" __global__ void plain(const float *__restrict__ x, float (*f)[4], int n) { }
    extern "C" { __global__ __launch_bounds__(max(64, 32), 2) void bounded(unsigned long long count[8]) { } }
    template <typename T, int N> __global__ void generic(T *x) { }
    __global__ void declared(int x);
    static __global__ void none(void) { }
    """
    found = [(kernel.name, kernel.max_threads) for kernel in find_kernels(text)]
    assert found == [("plain", "1024"), ("bounded", "max(64, 32)"), ("none", "1024")]
    assert find_kernels(text)[1].parameters == ("count",)
    assert find_kernels(text)[2].parameters == ()


def test_every_line_stays_where_it_was():
    text = "\n".join(
        [
            "__global__ void",
            "__launch_bounds__(",
            "  256) k(int *x) {",
            "  __shared__",
            "    float a[2],",
            "    b;",
            "  extern __shared__ __align__(16)",
            "    char c[];",
            "  last_line();",
            "}",
        ]
    )
    lines = rewrite(text).splitlines()
    assert "last_line();" in lines[8]


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("__shared__ float tile[16][17];", "typedef float emu_shared_tile[16][17];"),
        ("__shared__ __align__(16) unsigned long long sums[N];", "typedef unsigned long long emu_shared_sums[N];"),
        ("__shared__ Pair<int, float> pairs[2];", "typedef Pair<int, float> emu_shared_pairs[2];"),
        ("__shared__ bool last;", "typedef bool emu_shared_last;"),
    ],
)
def test_shared_variables_become_typed_references(declaration, expected):
    assert expected in rewrite(f"void f() {{ {declaration} }}")


def test_several_shared_variables_in_one_declaration():
    text = rewrite("void f() { __shared__ float a[4], b, c[2][2]; }")
    assert "typedef float emu_shared_a[4];" in text
    assert "typedef float emu_shared_b;" in text
    assert "typedef float emu_shared_c[2][2];" in text


def test_an_unreadable_declaration_is_quoted():
    with pytest.raises(EmulatorError, match="cannot read: __shared__ = 3"):
        rewrite("void f() { __shared__ = 3; }")
