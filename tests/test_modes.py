"""Grad modes: contexts, decorators, generators, classes, threads; inference mode and its tensors."""

import threading

import pytest

import autograd_gpu as torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


def test_modes_nest_and_restore():
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_a_mode_is_restored_after_an_exception():
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        raise ZeroDivisionError
    assert torch.is_grad_enabled()


def test_set_grad_enabled_as_context_and_as_function():
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.no_grad(), torch.inference_mode, torch.inference_mode()])
def test_decorators_keep_the_functions_name_and_result(mode):
    @mode
    def double(x, *, times=2):
        """Doubles."""
        return x * times

    result = double(leaf(1), times=3)
    assert result.tolist() == [3]
    assert not result.requires_grad
    assert (double.__name__, double.__doc__) == ("double", "Doubles.")
    assert torch.is_grad_enabled()


def test_a_decorated_function_may_recurse():
    @torch.no_grad()
    def count(n):
        assert not torch.is_grad_enabled()
        return 0 if n == 0 else 1 + count(n - 1)

    assert count(5) == 5
    assert torch.is_grad_enabled()


def test_decorated_generators_take_sends_throws_and_closes():
    closed = []

    @torch.no_grad()
    def generator():
        try:
            while True:
                try:
                    received = yield torch.is_grad_enabled()
                    assert not torch.is_grad_enabled()
                    assert received in (None, "value")
                except KeyError:
                    yield "caught"
        finally:
            closed.append(torch.is_grad_enabled())

    running = generator()
    assert next(running) is False
    assert running.send("value") is False
    assert torch.is_grad_enabled()
    assert running.throw(KeyError()) == "caught"
    assert torch.is_grad_enabled()
    running.close()
    assert closed == [False]
    assert torch.is_grad_enabled()


def test_a_generators_return_value_survives():
    @torch.no_grad()
    def generator():
        yield 1
        return "result"

    def outer():
        return (yield from generator())

    running = outer()
    next(running)
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "result"


def test_a_mode_is_a_threads_own():
    seen = {}

    def run(name, mode):
        with mode():
            seen[name] = torch.is_grad_enabled()

    with torch.no_grad():
        threads = [
            threading.Thread(target=run, args=("enabled", torch.enable_grad)),
            threading.Thread(target=run, args=("disabled", torch.no_grad)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not torch.is_grad_enabled()
    assert seen == {"enabled": True, "disabled": False}


def test_a_factorys_flag_counts_even_under_no_grad():
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
    assert x.requires_grad
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_nothing_is_saved_under_no_grad():
    x = leaf(1, 2)
    with torch.no_grad():
        y = x.exp()
        y.add_(1)
    (y * x).sum().backward()
    assert x.grad.tolist() == y.tolist()


# Inference mode


def test_inference_tensors_are_marked():
    x = leaf(1)
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled()
        y = x * 2
        view_of_normal = x.view(1, 1)
    assert not torch.is_inference_mode_enabled()
    assert y.is_inference() and not x.is_inference()
    assert not view_of_normal.is_inference()
    assert not y.requires_grad


def test_inference_mode_off_inside_inference_mode():
    with torch.inference_mode(), torch.inference_mode(False):
        x = torch.ones(1, requires_grad=True)
        y = x * 2
    assert y.requires_grad and not y.is_inference()


def test_enable_grad_does_not_bring_recording_back_in_inference_mode():
    x = leaf(1)
    with torch.inference_mode(), torch.enable_grad():
        y = x * 2
    assert not y.requires_grad


def test_an_inference_tensor_may_be_used_where_nothing_is_saved():
    with torch.inference_mode():
        frozen = torch.ones(2)
    x = torch.ones(2, requires_grad=True)
    (x + frozen).sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_an_inference_tensor_is_saved_after_a_clone():
    with torch.inference_mode():
        frozen = torch.ones(2)
    x = torch.ones(2, requires_grad=True)
    (x * frozen.clone()).sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_an_inference_tensor_may_change_in_place_inside_only():
    with torch.inference_mode():
        frozen = torch.ones(2)
        frozen.add_(1)
    assert frozen.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match=r"Inplace update to inference tensor outside InferenceMode is not allowed"):
        frozen.add_(1)


def test_inference_tensors_keep_no_version():
    with torch.inference_mode():
        frozen = torch.ones(2)
    with pytest.raises(RuntimeError, match=r"Inference tensors do not track version counter"):
        frozen._version  # noqa: B018 (the access is the claim)


def test_a_normal_tensor_changed_in_inference_mode_bumps_its_version():
    x = torch.ones(2)
    with torch.inference_mode():
        x.add_(1)
    assert x._version == 1


def test_a_parameter_can_be_made_in_inference_mode():
    with torch.inference_mode():
        x = torch.ones(2, requires_grad=True)
        y = x * 2
    assert x.requires_grad and not y.requires_grad


@pytest.mark.ours
def test_requires_grad_inside_inference_mode_says_why_and_what_to_do():
    x = torch.ones(2)
    with torch.inference_mode(), pytest.raises(RuntimeError, match=r"inference_mode.*no_grad"):
        x.requires_grad_(True)
    with torch.inference_mode():
        assert x.requires_grad_(False) is x
