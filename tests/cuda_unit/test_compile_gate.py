"""Every kernel, in every dtype, for every architecture: compiles, and keeps its registers in registers."""

import re
from pathlib import Path

import pytest

import autograd_gpu.arrays.cuda  # noqa: F401  (creates every Kernel)
from autograd_gpu.arrays import sources
from autograd_gpu.arrays.cuda import build_report, compile
from autograd_gpu.arrays.cuda.launch import Kernel

pytestmark = pytest.mark.xdist_group("compile gate")  # one process compiles, on all cores, and the others wait for none


@pytest.fixture(scope="module", params=compile.DEFAULT_ARCHS)
def rows(request):
    return compile.build_all([request.param])


def test_no_kernel_spills(rows):
    assert build_report.spills(rows) == []


def test_every_kernel_is_launched_by_some_wrapper(rows):
    compiled = {(row.file, row.resources.kernel) for row in rows}
    launched = {(kernel.file, kernel.name) for kernel in Kernel.all}
    for file, name in sorted(compiled - launched):
        pytest.fail(f"nothing in autograd_gpu/arrays/cuda launches {name} of kernels/{file}")
    for file, name in sorted(launched - compiled):
        assert rows[0].arch == "sm_75", f"kernels/{file} has no {name}, which autograd_gpu/arrays/cuda launches"


def test_the_page_of_kernels_says_what_the_compiler_says():
    page = (Path(compile.__file__).parents[3] / "docs" / "kernels.md").read_text()
    compiler = re.search(r"NVRTC ([\d.]+):", page).group(1)
    if compiler == ".".join(map(str, compile.nvrtc_version())):  # another compiler takes other registers
        assert page == build_report.page(), "docs/kernels.md is stale: make pages"


def test_every_source_file_is_in_the_table():
    assert {path.name for path in compile.kernels_folder().glob("*.cu")} == set(compile.DTYPES)


def test_turing_s_tensor_cores_take_float16_alone():
    assert {compile.dtypes_for(file, "sm_75") for file in compile.TENSOR_CORE_FILES} == {("float16",)}
    assert compile.dtypes_for("reduce.cu", "sm_75") == compile.DTYPES["reduce.cu"]
    with pytest.raises(compile.CompileError, match="the tensor cores of sm_75 take float16 alone"):
        compile.compile_to_cubin("matmul_tensor.cu", "bfloat16", "sm_75")


def test_the_report_has_a_line_a_kernel():
    row = compile.BuildRow("a.cu", "float32", "sm_80", compile.Resources("k", 30, 128, 0))
    other = compile.BuildRow("a.cu", "float64", "sm_80", compile.Resources("k", 40, 256, 0))
    assert "| k | 2 | 30 to 40 | 128 to 256 |" in build_report.report([row, other], ["sm_80"])


def test_ptxas_is_understood():
    log = """ptxas info    : Compiling entry function 'first' for 'sm_90a'
ptxas info    : Function properties for first
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 22 registers, used 1 barriers, 512 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function 'second' for 'sm_90a'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, used 0 barriers"""
    assert compile.resources(log) == [compile.Resources("first", 22, 512, 16), compile.Resources("second", 10, 0, 0)]


def test_an_edited_header_is_another_cubin(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    before = compile.cached_path("cast.cu", "float32", "sm_90a")
    others = compile.cached_path("matmul.cu", "float32", "sm_90a")
    edited = sources._headers_in("include") | {"strides.cuh": sources._headers_in("include")["strides.cuh"] + "//"}
    monkeypatch.setattr(sources, "_headers_in", lambda folder: edited)
    assert "strides.cuh" not in compile.headers(compile.source("matmul.cu"))
    assert compile.cached_path("matmul.cu", "float32", "sm_90a") == others
    assert compile.cached_path("cast.cu", "float32", "sm_90a") != before
    assert before.parent.parent == tmp_path


def test_a_broken_kernel_shows_the_compiler_s_words(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    monkeypatch.setattr(compile, "source", lambda file: "__global__ void broken( {}")
    with pytest.raises(compile.CompileError, match=r"cast.cu does not compile(.|\n)*error"):
        compile.compile_to_cubin("cast.cu", "float32", "sm_90a")


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path / "file"))
    assert compile.compile_to_cubin("optim.cu", "float16", "sm_80")[0].startswith(b"\x7fELF")
