"""docs/hardware.md says of the kernels there are what the kept results say, and no more."""

from benchmarks.hardware_report import report


def test_a_kernel_counts_as_run_only_where_a_gpu_launched_it():
    results = {
        "environment": {"gpu_name": "NVIDIA H200", "date": "2026-01-01"},
        "launched": [["softmax.cu", "softmax_forward"]],
        "checks": {
            "op table": [{"check": "exp", "error": "AssertionError"}],
            "sanitizer": [{"check": "memcheck", "error": None}],
        },
        "benchmarks": {"kernels": []},
    }
    lines = report(results).splitlines()
    assert "| softmax.cu: softmax_forward | 4 | yes | yes | yes | yes | - |" in lines
    assert "| softmax.cu: softmax_backward | 4 | yes | yes | - | - | - |" in lines
    assert "Run on: gpu_name NVIDIA H200, date 2026-01-01." in lines
    assert lines[-1] == "- exp"
    assert any("installed): not run on a GPU yet" in line for line in lines)


def test_cublaslt_counts_as_run_only_where_it_was_measured():
    results = {
        "environment": {},
        "launched": [],
        "checks": {},
        "benchmarks": {"kernels": [{"kernel": "matmul, cuBLASLt"}]},
    }
    assert "installed): run, checked and measured" in report(results)
