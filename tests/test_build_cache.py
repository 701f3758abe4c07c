"""The cache of compiled code: cut off or changed files are made again, what the killed left is swept."""

import os
import subprocess
import sys

import pytest

from autograd_gpu import build_cache
from autograd_gpu.arrays.cuda import compile
from autograd_gpu.arrays.native import build

pytestmark = pytest.mark.ours


def made(path, data=b"compiled", seen=None):
    def make(folder):
        if seen is not None:
            seen.append(folder)
        (folder / "out.so").write_bytes(data)
        return folder / "out.so"

    return build_cache.build(path, make)


def test_what_was_sealed_is_whole_until_it_is_changed(tmp_path):
    path = made(tmp_path / "cache" / "x.so", bytes(range(256)) * 40)
    whole = path.read_bytes()
    assert build_cache.contents(path) == bytes(range(256)) * 40
    for content in (whole[:-1], whole[:5000], b"", whole[:-3] + b"000", b"\x01" + whole[1:], whole + b"\0"):
        path.write_bytes(content)
        assert not build_cache.is_whole(path)
    assert not build_cache.is_whole(tmp_path / "nowhere")


def test_what_was_killed_is_swept_and_what_is_being_built_is_not(tmp_path):
    (tmp_path / ".build-left").mkdir()
    (tmp_path / ".build-left" / "kernel.cpp").write_text("half")
    with build_cache.building(tmp_path) as living:
        seen = []
        made(tmp_path / "x.so", seen=seen)
        assert living.exists() and not (tmp_path / ".build-left").exists() and not seen[0].exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x.so"]


def test_who_is_swept_before_it_holds_its_folder_makes_another(tmp_path, monkeypatch):
    plain, taken = build_cache.tempfile.mkdtemp, []

    def made_and_swept(**arguments):
        folder = plain(**arguments)
        if not taken:
            os.rmdir(folder)
        taken.append(folder)
        return folder

    monkeypatch.setattr(build_cache.tempfile, "mkdtemp", made_and_swept)
    assert build_cache.contents(made(tmp_path / "x.so")) == b"compiled"
    assert len(taken) == 2


def test_a_failed_build_leaves_nothing(tmp_path):
    def fails(folder):
        raise ValueError("no compiler")

    with pytest.raises(ValueError):
        build_cache.build(tmp_path / "x.so", fails)
    assert list(tmp_path.iterdir()) == []


def test_it_reaches_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    plain_sync, plain_replace = os.fsync, os.replace
    monkeypatch.setattr(build_cache.os, "fsync", lambda handle: (order.append("fsync"), plain_sync(handle))[1])
    monkeypatch.setattr(build_cache.os, "replace", lambda a, b: (order.append("replace"), plain_replace(a, b))[1])
    made(tmp_path / "x.so")
    assert order == ["fsync", "replace"]


@pytest.mark.skipif(os.environ.get("AUTOGRAD_GPU_NATIVE", "1") in ("", "0"), reason="nothing is compiled")
def test_a_cut_off_kernel_is_compiled_again_where_loading_it_would_kill_python(tmp_path):
    script = "import autograd_gpu as t; print(t.ones(4).exp().sum().item(), flush=True)"
    environment = {**os.environ, "AUTOGRAD_GPU_CACHE": str(tmp_path)}

    def run():
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    assert run().returncode == 0
    libraries = sorted(tmp_path.rglob("*.so"))
    assert libraries
    for path in libraries:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = run()
    assert again.returncode == 0 and again.stdout.startswith("10.87") and again.stderr == ""
    assert all(build_cache.is_whole(path) for path in sorted(tmp_path.rglob("*.so")))


def test_a_cut_off_cubin_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    text = 'extern "C" __global__ void f(float* x) { *x = 1; }'
    cubin, log = compile.compile_text(text, "f.cu", "sm_90a", ())
    (path,) = tmp_path.rglob("*.cubin")
    path.write_bytes(path.read_bytes()[:100])
    assert compile.compile_text(text, "f.cu", "sm_90a", ())[0] == cubin and "registers" in log
    assert build_cache.contents(path) == cubin


@pytest.mark.skipif(os.environ.get("AUTOGRAD_GPU_NATIVE", "1") in ("", "0"), reason="nothing is compiled")
def test_a_kernel_that_was_cut_off_since_it_was_found_is_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    path = build.build_library("softmax.cu", "float32")
    path.write_bytes(path.read_bytes()[:-1])
    assert build.build_library("softmax.cu", "float32") == path and build_cache.is_whole(path)


def test_the_emulators_libraries_are_checked_too(tmp_path, monkeypatch):
    from autograd_gpu.emulator import build as emulated

    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    text = 'extern "C" __global__ void f(float* x) { *x = 1; }'
    path = emulated.build_module(text, "f.cu", {}, (), False)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert emulated.build_module(text, "f.cu", {}, (), False) == path
    assert build_cache.is_whole(path) and [p.name for p in path.parent.iterdir()] == [path.name]
