"""What is said about memory: what a graph keeps, what running out of it adds, and graphs that outlive their step."""

import inspect
import warnings

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.graph import detect_retention, memory_report, save_on_cpu

pytestmark = pytest.mark.ours


def here(offset=0):
    """The place in this file that calls, as errors and reports name it."""
    return f"{__file__}:{inspect.currentframe().f_back.f_lineno + offset}"


def test_rows_are_by_operation_and_line_largest_first(device):
    x = torch.zeros(1000, device=device, requires_grad=True)  # CuPy hands out memory in units of 512 bytes
    y = x.exp()
    exp_line = here(-1)
    z = y[:10].tanh() + 1
    tanh_line = here(-1)
    rows = memory_report(z.sum()).rows
    assert [(row.operation, row.line, row.buffers) for row in rows] == [
        ("ExpBackward0", exp_line, 1),
        ("TanhBackward0", tanh_line, 1),
    ]
    assert rows[0].bytes >= 4000 and 40 <= rows[1].bytes < 4000


def test_a_buffer_is_counted_once_for_the_node_that_saved_it_first(device):
    x = torch.zeros(100, device=device, requires_grad=True)
    y = x.exp()
    z = y * y + y[:50].repeat(2) * y.view(10, 10).t().reshape(100)
    report = memory_report((z * z).sum(), z.sum())
    kept = [(row.operation, row.buffers) for row in report.rows]
    # The views of y that the products saved count as y. The others: y[:50].repeat(2) with the transposed copy, and z.
    assert sorted(kept) == [("ExpBackward0", 1), ("MulBackward0", 1), ("MulBackward0", 2)]
    assert report.total >= 4 * 400


def test_a_views_whole_buffer_counts_however_little_it_shows():
    x = torch.zeros(1000, requires_grad=True)
    assert memory_report(x.detach()[:1] * x[:1]).total == 4000


def test_statistics_that_an_operation_keeps_beside_its_operands_count(device):
    x = torch.randn(8, 4, device=device, requires_grad=True)
    report = memory_report(torch.nn.functional.layer_norm(x, (4,)).sum())
    assert sum(row.buffers for row in report.rows) >= 3  # x, means, reciprocal standard deviations


def test_nothing_is_kept_once_backward_has_run(device):
    x = torch.randn(8, 4, device=device, requires_grad=True)
    y = torch.nn.functional.layer_norm(torch.dropout(x, 0.5, True), (4,)).softmax(1).sum()
    y.backward()
    assert memory_report(y).rows == []


def test_a_tensor_without_graph_keeps_nothing():
    report = memory_report(torch.ones(3))
    assert (report.rows, report.total) == ([], 0)
    assert str(report) == "saved for backward: 0 bytes in 0 buffers"


def test_what_hooks_made_of_saved_values_counts():
    x = torch.zeros(100, requires_grad=True)
    with save_on_cpu():
        y = x.exp().sum()
    assert memory_report(y).total == 400


def test_the_report_prints_as_a_table():
    x = torch.zeros(1024, 1024, requires_grad=True)
    text = str(memory_report(x.exp()))
    assert text.splitlines()[0] == "saved for backward: 4.0 MiB in 1 buffer"
    assert text.splitlines()[1].split() == ["4.0", "MiB", "1", "buffer", "ExpBackward0", here(-2)]


# Out of memory

TOO_MUCH = (1 << 20, 1 << 20, 1 << 10)  # four petabytes


def test_running_out_of_memory_in_forward_lists_what_the_graph_keeps(on_each_device):
    x = torch.zeros(100, requires_grad=True)
    y = x.exp()
    line = here(-1)
    with pytest.raises(MemoryError) as caught:
        y[0].expand(TOO_MUCH) + 1.0
    (note,) = caught.value.__notes__
    assert note.startswith("saved for backward") and "ExpBackward0" in note and line in note


def test_running_out_of_memory_in_backward_lists_what_is_left_of_the_graph(on_each_device):
    x = torch.zeros(100, requires_grad=True)
    y = x.exp()
    y[0].backward(retain_graph=True)

    def greedy(gradient):
        return gradient.expand(TOO_MUCH) + 1.0

    z = y.sum()
    z.register_hook(greedy)
    with pytest.raises(MemoryError) as caught:
        z.backward()
    (note,) = caught.value.__notes__
    assert "ExpBackward0" in note


def test_running_out_of_memory_without_a_graph_adds_nothing(on_each_device):
    with pytest.raises(MemoryError) as caught:
        torch.zeros(()).expand(TOO_MUCH) + 1.0
    assert not hasattr(caught.value, "__notes__")


# Retention


def train(steps, use):
    """Runs a small training loop that hands each loss to `use`."""
    w = torch.ones(3, requires_grad=True)
    for _ in range(steps):
        loss = (w * w).sum()
        loss.backward()
        use(loss)


def test_a_sum_of_losses_is_found_and_named():
    class Total:
        value = 0.0

    def add(loss):
        Total.value += loss

    line = f"{__file__}:{add.__code__.co_firstlineno + 1}"
    with pytest.warns(UserWarning, match=r"keeps the graphs of .* alive.*loss\.item\(\)"), detect_retention() as watch:
        train(8, add)
    (found,) = watch.found
    assert (found.line, found.operation, found.shape) == (line, "AddBackward0", ())


def test_a_list_of_losses_is_found():
    losses = []
    with pytest.warns(UserWarning), detect_retention() as watch:
        train(8, losses.append)
    assert [found.operation for found in watch.found] == ["SumBackward0"]


def test_a_clean_loop_is_left_alone():
    totals = []
    with warnings.catch_warnings(), detect_retention() as watch:
        warnings.simplefilter("error")
        train(12, lambda loss: totals.append(loss.item()))
        train(12, lambda loss: totals.append(loss.detach()))
    assert watch.found == []


def test_many_backwards_through_one_graph_are_one_step():
    x = torch.ones(3, requires_grad=True)
    loss = (x * x).sum()
    with warnings.catch_warnings(), detect_retention() as watch:
        warnings.simplefilter("error")
        for _ in range(12):
            loss.backward(retain_graph=True)
    assert watch.found == []


def test_nothing_is_watched_outside_the_context():
    with detect_retention() as watch:
        pass
    losses = []
    train(12, losses.append)
    assert watch.found == []
