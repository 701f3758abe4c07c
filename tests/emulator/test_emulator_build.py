"""The compiled-code cache, and what the emulator needs from the machine."""

import os
import subprocess
import sys

import pytest

from autograd_gpu.emulator import EmulatorError, build, compile_module

SOURCE = 'extern "C" __global__ void k(int *x) { x[0] = VALUE; }'


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    return tmp_path / "emulator"


def _entries(cache) -> set[str]:
    return {path.name for path in cache.iterdir()}


def test_a_source_is_compiled_once_and_anything_that_matters_makes_another(fresh_cache):
    def build_with(source=SOURCE, header="", value=1, racecheck=False):
        return build.build_module(source, "cached.cu", {"h.cuh": header}, [f"VALUE={value}"], racecheck).name

    first = build_with()
    stamp = (fresh_cache / first).stat().st_mtime_ns
    assert build_with() == first
    assert (fresh_cache / first).stat().st_mtime_ns == stamp
    variants = {
        build_with(source=SOURCE + "\n"),
        build_with(header="// changed"),
        build_with(value=2),
        build_with(racecheck=True),
    }
    assert len(variants | {first}) == 5
    assert _entries(fresh_cache) == variants | {first}


def test_a_failed_build_leaves_nothing_behind(fresh_cache):
    with pytest.raises(EmulatorError):
        build.build_module("syntax error", "failed.cu", {}, (), False)
    assert _entries(fresh_cache) == set()


def test_processes_that_build_at_the_same_time_agree(fresh_cache):
    program = (
        "from autograd_gpu.emulator import build\n"
        f"print(build.build_module({SOURCE!r}, 'shared.cu', {{}}, ('VALUE=3',), False))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    paths = {process.communicate()[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert _entries(fresh_cache) == {os.path.basename(path) for path in paths}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    occupied = tmp_path / "a file"
    occupied.write_text("")
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(occupied))
    assert compile_module(SOURCE, defines=["VALUE=4"]).kernels == ("k",)


def test_a_missing_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    build.compiler.cache_clear()
    try:
        with pytest.raises(EmulatorError, match=r"needs g\+\+: install it with apt install g\+\+"):
            build.build_module(SOURCE, "uncompiled.cu", {}, (), False)
    finally:
        build.compiler.cache_clear()
