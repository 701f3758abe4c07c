"""``backends``: PyTorch's switches do what they say or keep what they were told, and what is not there says so."""

import subprocess
import sys

import pytest

import autograd_gpu as torch
from autograd_gpu import settings

pytestmark = pytest.mark.ours


@pytest.fixture(autouse=True)
def precision():
    yield
    torch.set_float32_matmul_precision("highest")


def test_allow_tf32_and_the_precision_of_products_are_one_setting():
    matmul = torch.backends.cuda.matmul
    assert not matmul.allow_tf32 and matmul.fp32_precision == "ieee"
    matmul.allow_tf32 = True
    assert settings.allows_tf32() and torch.get_float32_matmul_precision() == "high"
    matmul.allow_tf32 = False
    assert torch.get_float32_matmul_precision() == "highest"
    torch.set_float32_matmul_precision("medium")
    assert matmul.allow_tf32 and matmul.fp32_precision == "tf32"
    matmul.fp32_precision = "ieee"
    assert not settings.allows_tf32()


def test_switches_keep_what_they_were_told():
    cudnn = torch.backends.cudnn
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32) == (True, False, False, True)
    cudnn.benchmark = cudnn.deterministic = True
    try:
        import autograd_gpu.backends.cudnn as named

        assert named.benchmark and named.deterministic
        with cudnn.flags(enabled=False, deterministic=False):
            assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (False, False, False)
        assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (True, True, True)
        assert cudnn.set_flags(_benchmark=False) == (True, True, 10, True, True)
    finally:
        cudnn.benchmark = cudnn.deterministic = False


def test_flags_are_put_back_when_the_block_raises():
    with pytest.raises(KeyError), torch.backends.mkldnn.flags(enabled=False):
        raise KeyError
    assert torch.backends.mkldnn.enabled


def test_attention_s_switches_keep_what_they_were_told():
    cuda = torch.backends.cuda
    for kind in ("flash", "mem_efficient", "math", "cudnn"):
        enable, enabled = getattr(cuda, f"enable_{kind}_sdp"), getattr(cuda, f"{kind}_sdp_enabled")
        enable(False)
        assert not enabled()
        enable(True)
        assert enabled()
        with pytest.raises(RuntimeError, match="expects a bool, but got int"):
            enable(1)


@pytest.mark.parametrize(
    "board, name, value, message",
    [
        ("cuda.matmul", "allow_tf32", 1, "set_allow_tf32_cublas expects a bool, but got int"),
        ("cuda.matmul", "fp32_precision", "bogus", "Unknown precision: bogus"),
        ("cudnn", "benchmark", 1, "expects a bool, but got int"),
        ("cudnn", "enabled", None, "expects a bool, but got NoneType"),
        ("cudnn", "benchmark_limit", "ten", "expects an int, but got str"),
    ],
)
def test_a_switch_takes_its_own_type_only(board, name, value, message):
    with pytest.raises(RuntimeError, match=message):
        setattr(named(board), name, value)


@pytest.mark.parametrize("board", ["cuda.matmul", "cudnn", "mkldnn"])
def test_a_misspelt_switch_is_refused(board):
    with pytest.raises(AttributeError, match=r"Unknown attribute alow_tf32: there is .*allow_tf32"):
        named(board).alow_tf32 = True


def named(path):
    found = torch.backends
    for part in path.split("."):
        found = getattr(found, part)
    return found


def test_what_is_not_there_says_so():
    backends = torch.backends
    assert not any(module.is_available() for module in (backends.cudnn, backends.mkldnn, backends.mps, backends.openmp))
    assert backends.cudnn.version() is None and backends.cuda.is_built() and not backends.mps.is_built()
    assert isinstance(backends.mkl.is_available(), bool)
    assert backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = backends.nonsense


def test_backends_are_imported_when_first_named():
    code = "import sys, autograd_gpu; assert not [m for m in sys.modules if m.startswith('autograd_gpu.backends')]"
    subprocess.run([sys.executable, "-c", code], check=True)
