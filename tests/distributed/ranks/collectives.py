"""Claims about collectives, run by pytest on every rank at once: `mpiexec -n 2 python -m pytest this_file`.

`tests/distributed/test_ranks.py` does so.
"""

import numpy as np
import pytest
from on_every_rank import DEVICES, ON_NCCL, RANK, SIZE

import autograd_gpu as torch
from autograd_gpu import distributed as dist
from autograd_gpu.errors import DistBackendError

ALL = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int8, torch.uint8]
ALL += [] if ON_NCCL else [torch.int16]
FLOATS = ALL[:4]
Op = dist.ReduceOp


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def of_rank(rank, shape=(3, 4), dtype=torch.float32, device="cpu"):
    source = np.random.default_rng([7, rank])
    return torch.from_numpy(source.integers(1, 5, shape)).to(dtype).to(device)


def of_all(shape=(3, 4), dtype=torch.float32):
    return [of_rank(rank, shape, dtype).numpy() for rank in range(SIZE)]


def exact(arrays):
    return np.stack([np.asarray(a, np.float64) for a in arrays])


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found.cpu().numpy(), np.float64), np.asarray(expected, np.float64))


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("op", ["SUM", "PRODUCT", "MIN", "MAX"])
def test_all_reduce_is_the_sum_and_its_like_in_every_dtype(dtype, op, device):
    x = of_rank(RANK, dtype=dtype, device=device)
    assert dist.all_reduce(x, Op[op]) is None
    whole = {"SUM": np.sum, "PRODUCT": np.prod, "MIN": np.min, "MAX": np.max}[op](exact(of_all(dtype=dtype)), axis=0)
    same(x, torch.tensor(whole).to(dtype).numpy())


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_a_mean_is_divided_once_it_is_whole(dtype, device):
    x = of_rank(RANK, dtype=dtype, device=device)
    dist.all_reduce(x, Op.AVG)
    same(x, torch.tensor(exact(of_all(dtype=dtype)).sum(0) / SIZE).to(dtype).numpy())


def test_half_types_are_added_in_float32(device):
    # Each is a quarter of 2048's spacing: rounded at every step all but the first vanish.
    x = torch.tensor([2048.0 if RANK == 0 else 0.75, 6e-8], dtype=torch.float16, device=device)
    dist.all_reduce(x)
    expected = torch.tensor([2048 + 0.75 * (SIZE - 1), SIZE * float(np.float16(6e-8))], dtype=torch.float64)
    assert x.tolist() == expected.to(torch.float16).tolist()
    y = torch.tensor([6e-8], dtype=torch.float16, device=device)
    dist.all_reduce(y, Op.AVG)
    assert y.item() == float(np.float16(6e-8))


def test_bool_is_logical(device):
    x = torch.tensor([RANK == 0, True, False], device=device)
    for op, expected in ((Op.SUM, [True, True, False]), (Op.MAX, [True, True, False]), (Op.MIN, [False, True, False])):
        y = x.clone()
        dist.all_reduce(y, op)
        assert y.tolist() == expected


@pytest.mark.skipif(ON_NCCL, reason="NCCL has no bitwise operations")
def test_bits_of_integers(device):
    x = torch.tensor([1 << RANK, 7], device=device)
    for op, expected in ((Op.BOR, [2**SIZE - 1, 7]), (Op.BAND, [0, 7]), (Op.BXOR, [2**SIZE - 1, 0])):
        y = x.clone()
        dist.all_reduce(y, op)
        assert y.tolist() == expected
    with pytest.raises(ValueError, match="Cannot use"):
        dist.all_reduce(torch.ones(2, device=device), Op.BOR)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_nan_is_the_largest_and_the_smallest_on_every_rank(dtype, device):
    nan, inf = float("nan"), float("inf")
    x = torch.tensor(
        [nan if RANK == SIZE - 1 else 1.0, -1.0 - RANK, inf if RANK else -inf, 0.5], dtype=dtype, device=device
    )
    high, low = x.clone(), x.clone()
    dist.all_reduce(high, Op.MAX)
    dist.all_reduce(low, Op.MIN)
    np.testing.assert_array_equal(high.float().cpu().numpy(), [nan, -1, inf, 0.5])
    np.testing.assert_array_equal(low.float().cpu().numpy(), [nan, -SIZE, -inf, 0.5])


@pytest.mark.parametrize("kind", ["transposed", "every second", "reversed rows", "0-d", "empty", "a view"])
def test_any_layout(kind, device):
    base = of_rank(RANK, (4, 6), device=device)
    whole = exact(of_all((4, 6))).sum(0)
    cut = {
        "transposed": lambda a: a.T, "every second": lambda a: a[::2, ::3], "reversed rows": lambda a: a[1:3],
        "0-d": lambda a: a[1, 2, ...], "empty": lambda a: a[:0], "a view": lambda a: a[:, 2:5],
    }[kind]  # fmt: skip
    x = base.detach().clone()
    view = cut(x)
    dist.all_reduce(view)
    same(view, cut(whole))
    expected = base.cpu().numpy().astype(np.float64)
    cut(expected)[...] = cut(whole)
    same(x, expected)  # and nothing beside it was written


def test_reduce_leaves_the_others_alone(device):
    x = of_rank(RANK, device=device)
    dist.reduce(x, dst=SIZE - 1, op=Op.SUM)
    same(x, exact(of_all()).sum(0) if RANK == SIZE - 1 else of_rank(RANK).numpy())
    x = of_rank(RANK, dtype=torch.bfloat16, device=device)
    dist.reduce(x, dst=0, op=Op.MAX)
    same(x, exact(of_all()).max(0) if RANK == 0 else of_rank(RANK).numpy())


@pytest.mark.parametrize("dtype", [*ALL, torch.bool], ids=str)
def test_broadcast_gather_and_scatter_copy_every_dtype(dtype, device):
    mine = of_rank(RANK, dtype=dtype, device=device)
    x = mine.clone().t()
    dist.broadcast(x, 1)
    same(x, of_rank(1, dtype=dtype).numpy().T)
    got = [torch.zeros(3, 4, dtype=dtype, device=device) for _ in range(SIZE)]
    dist.all_gather(got, mine)
    for rank in range(SIZE):
        same(got[rank], of_rank(rank, dtype=dtype).numpy())
    whole = torch.zeros(SIZE * 3, 4, dtype=dtype, device=device)
    dist.all_gather_into_tensor(whole, mine)
    same(whole, np.concatenate(of_all(dtype=dtype)))
    got = [torch.zeros(4, 3, dtype=dtype, device=device).t() for _ in range(SIZE)] if RANK == 1 else None
    dist.gather(mine, got, dst=1)
    for rank, each in enumerate(got or []):
        same(each, of_rank(rank, dtype=dtype).numpy())
    out = torch.zeros(3, 4, dtype=dtype, device=device)
    dist.scatter(out, [of_rank(10 + r, dtype=dtype, device=device) for r in range(SIZE)] if RANK == 0 else None, src=0)
    same(out, of_rank(10 + RANK, dtype=dtype).numpy())


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_reduce_scatter_gives_each_rank_its_part(dtype, device):
    x = of_rank(RANK, (SIZE, 5), dtype, device)
    whole = exact(of_all((SIZE, 5), dtype)).sum(0)
    out = torch.zeros(5, dtype=dtype, device=device)
    dist.reduce_scatter_tensor(out, x)
    same(out, whole[RANK])
    dist.reduce_scatter(out, list(x), Op.AVG)
    same(out, torch.tensor(whole[RANK] / SIZE).to(dtype).numpy())


def test_all_to_all_with_equal_and_other_parts(device):
    x = of_rank(RANK, (2 * SIZE, 3), device=device)
    out = torch.zeros(2 * SIZE, 3, device=device)
    dist.all_to_all_single(out, x)
    same(out, np.concatenate([a[2 * RANK : 2 * RANK + 2] for a in of_all((2 * SIZE, 3))]))
    sent, received = [r + 1 for r in range(SIZE)], [RANK + 1] * SIZE
    x = torch.full((sum(sent),), float(RANK), device=device)
    out = torch.zeros(sum(received), device=device)
    dist.all_to_all_single(out, x, received, sent)
    same(out, np.repeat(np.arange(SIZE), RANK + 1))
    outputs = [torch.zeros(r + 1, RANK + 1, device=device) for r in range(SIZE)]
    dist.all_to_all(outputs, [torch.full((RANK + 1, r + 1), float(RANK), device=device) for r in range(SIZE)])
    for rank, each in enumerate(outputs):
        same(each, np.full((rank + 1, RANK + 1), rank))


def test_messages_pass_in_any_order(device):
    after, before = (RANK + 1) % SIZE, (RANK - 1) % SIZE
    x, y = torch.full((5,), float(RANK), device=device), torch.zeros(2, 5, device=device)
    ops = [dist.P2POp(dist.isend, x, after), dist.P2POp(dist.irecv, y[1], before)]
    for work in dist.batch_isend_irecv(ops):
        assert work.wait()
    same(y, [[0] * 5, [before] * 5])
    if RANK == 0:
        dist.send(torch.arange(3, device=device), 1)
    elif RANK == 1:
        z = torch.zeros(3, dtype=torch.int64, device=device)
        assert dist.recv(z, 0) == 0
        assert z.tolist() == [0, 1, 2]


@pytest.mark.skipif(ON_NCCL, reason="NCCL has neither tags nor messages of any rank")
def test_messages_by_tag_and_of_any_rank():
    if RANK == 0:
        dist.send(torch.ones(2), 1, tag=4)
        dist.send(torch.zeros(2), 1, tag=5)
    elif RANK == 1:
        x = torch.full((2,), 9.0)
        dist.recv(x, 0, tag=5)
        assert x.tolist() == [0, 0]
        assert dist.recv(x, tag=4) == 0
        assert x.tolist() == [1, 1]
        work = dist.irecv(x, 0, tag=6)
        assert not work.is_completed()
    dist.barrier()
    if RANK == 0:
        dist.isend(torch.full((2,), 3.0), 1, tag=6).wait()
    elif RANK == 1:
        assert work.wait() and work.is_completed() and x.tolist() == [3, 3]


def test_works_wait_and_come_in_order(device):
    tensors = [torch.full((1000,), float(n), device=device) for n in range(6)]
    works = [dist.all_reduce(x, async_op=True) for x in tensors]
    last = torch.ones(2, device=device)
    dist.all_reduce(last)  # one that is waited for, behind those that are not
    assert last.tolist() == [SIZE, SIZE]
    for n, (work, x) in enumerate(zip(works, tensors)):
        assert work.wait() and work.is_completed() and work.is_success() and work.exception() is None
        assert x.tolist() == [n * SIZE] * 1000


def test_objects_come_as_they_went():
    mine = {"rank": RANK, "list": [1, 2.5, None, "a"], "nan": float("inf"), "tuple": (1, 2)}
    got = [None] * SIZE
    dist.all_gather_object(got, mine)
    assert got == [{**mine, "rank": rank} for rank in range(SIZE)]
    box = [mine, "b" * 1000, None] if RANK == 1 else [None] * 3
    dist.broadcast_object_list(box, 1)
    assert box == [{**mine, "rank": 1}, "b" * 1000, None]
    got = [None] * SIZE if RANK == 0 else None
    dist.gather_object("x" * RANK, got, 0)
    assert got is None or got == ["x" * rank for rank in range(SIZE)]
    box = [None]
    dist.scatter_object_list(box, [{"to": rank} for rank in range(SIZE)] if RANK == 0 else None, 0)
    assert box == [{"to": RANK}]
    if RANK == 0:
        dist.send_object_list([1, (2,)], 1)
    elif RANK == 1:
        box = [None, None]
        assert dist.recv_object_list(box, 0) == 0
        assert box == [1, (2,)]


def test_groups_have_ranks_of_their_own():
    if ON_NCCL and SIZE > 2:
        pytest.skip("the stand-in has communicators of all ranks only")
    device = DEVICES[0]
    pairs = [dist.new_group([0, 1]), dist.new_group(None if ON_NCCL else list(range(1, SIZE)))]
    everybody = pairs[0] if SIZE == 2 else dist.new_group()
    assert dist.get_rank(everybody) == RANK and dist.get_process_group_ranks(everybody) == list(range(SIZE))
    x = torch.ones(2, device=device)
    if RANK < 2:
        dist.all_reduce(x, group=pairs[0])
        assert x.tolist() == [2, 2]
        assert dist.get_rank(pairs[0]) == RANK
    else:
        assert pairs[0] == dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(pairs[0]) == -1
        with pytest.warns(UserWarning, match="does not belong to the given group"):
            assert dist.all_reduce(x, group=pairs[0]) is None
    if RANK >= 1 and not ON_NCCL:
        y = torch.full((2,), float(RANK))
        dist.broadcast(y, src=SIZE - 1, group=pairs[1])
        assert y.tolist() == [SIZE - 1] * 2
        assert dist.get_group_rank(pairs[1], RANK) == RANK - 1 and dist.get_global_rank(pairs[1], 0) == 1
        dist.destroy_process_group(pairs[1])
        with pytest.raises(ValueError, match="has been destroyed"):
            dist.all_reduce(y, group=pairs[1])
    dist.barrier()


def test_a_saved_tensor_that_is_reduced_raises_in_backward(device):
    x = torch.ones(3, device=device, requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    version = y._version
    dist.all_reduce(y.detach())
    assert y._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    base = torch.zeros(4, device=device)
    view = base[1:]
    for written in (
        lambda: dist.broadcast(view, 0),
        lambda: dist.all_gather([view] * SIZE, torch.ones(3, device=device)),
        lambda: dist.scatter(view, [torch.ones(3, device=device)] * SIZE if RANK == 0 else None, 0),
        lambda: dist.reduce_scatter_tensor(view, torch.ones(SIZE * 3, device=device)),
        lambda: dist.all_to_all_single(base[: SIZE * (4 // SIZE)], torch.ones(SIZE * (4 // SIZE), device=device)),
    ):
        version = base._version
        written()
        if not (RANK == 0 and written.__code__.co_names[:2] == ("dist", "broadcast")):
            assert base._version > version


def test_output_and_input_may_be_one(device):
    x = torch.full((SIZE * 2,), -1.0, device=device)
    x[2 * RANK : 2 * RANK + 2] = float(RANK)
    dist.all_gather_into_tensor(x, x[2 * RANK : 2 * RANK + 2])
    same(x, np.repeat(np.arange(SIZE), 2))


@pytest.mark.skipif(ON_NCCL, reason="nothing is compared on a device")
def test_what_ranks_ask_for_is_compared_before_it_is_done():
    x = torch.ones(3 + RANK)
    with pytest.raises(DistBackendError, match=r"rank 0 called all_reduce\(torch.float32, 3 elements, SUM\); rank"):
        dist.all_reduce(x)
    assert x.tolist() == [1.0] * (3 + RANK)
    with pytest.raises(DistBackendError, match=r"ranks? 1.* called barrier"):
        dist.all_reduce(x) if RANK == 0 else dist.barrier()
    with pytest.raises(ValueError, match="sizes that ranks send and expect differ"):
        dist.all_to_all_single(torch.zeros(SIZE), torch.zeros(SIZE), [1] * SIZE, [2, 0] + [1] * (SIZE - 2))
    dist.barrier()


def test_every_bad_argument_has_its_error(device):
    x, n = torch.ones(4, device=device), SIZE
    for kind, match, call in (
        (TypeError, "Expected parameter `tensor` of type torch.Tensor, but got list", lambda: dist.all_reduce([1.0])),
        (TypeError, "expected op to be a ReduceOp", lambda: dist.all_reduce(x, "sum")),
        (NotImplementedError, "PREMUL_SUM", lambda: dist.all_reduce(x, Op.PREMUL_SUM)),
        (ValueError, "Cannot use ReduceOp.AVG with torch.int64", lambda: dist.all_reduce(x.long(), Op.AVG)),
        (TypeError, "expected group to be a ProcessGroup", lambda: dist.all_reduce(x, group=3)),
        (ValueError, "is not part of group", lambda: dist.broadcast(x, n)),
        (ValueError, "Can't specify both group_src and src", lambda: dist.broadcast(x, 0, group_src=0)),
        (TypeError, "type List", lambda: dist.all_gather(x, x)),
        (ValueError, f"each of {n} ranks, but got {n + 1}", lambda: dist.all_gather([x] * (n + 1), x)),
        (TypeError, r"tensor_list\[0\] is torch.float64", lambda: dist.all_gather([x.double()] * n, x)),
        (ValueError, "must be of one size", lambda: dist.all_gather([x[:2]] * n, x)),
        (ValueError, f"must have {n} times the elements", lambda: dist.all_gather_into_tensor(x, x)),
        (TypeError, "of one dtype", lambda: dist.reduce_scatter_tensor(x, torch.ones(4 * n, device=device).double())),
        (ValueError, "must be specified on destination" if RANK == 0 else "must NOT be specified",
         lambda: dist.gather(x, None if RANK == 0 else [x] * n, 0)),
        (ValueError, "does not divide equally", lambda: dist.all_to_all_single(x[:1], x[:1])),
        (ValueError, "Split sizes doesn't match total dim 0 size", lambda: dist.all_to_all_single(x, x, [9] * n, None)),
        (ValueError, "is this rank itself", lambda: dist.send(x, RANK)),
        (ValueError, "expected dst", lambda: dist.send(x)),
        (ValueError, "type ``isend`` or ``irecv``", lambda: dist.P2POp(dist.send, x, 0)),
        (ValueError, "a place for each of", lambda: dist.all_gather_object([None] * (n + 1), 1)),
        (ValueError, "different numbers from 0", lambda: dist.new_group([0, 0])),
        (ValueError, "initialize the default process group twice", lambda: dist.init_process_group()),
    ):  # fmt: skip
        with pytest.raises(kind, match=match):
            call()
    dist.barrier()


def test_a_captured_step_reduces_at_every_replay(device):
    x = torch.zeros(3, device=device)

    @torch.capture
    def step(y):
        total = y * 2
        dist.all_reduce(total)
        return total + x

    for n in range(5):
        y = torch.full((3,), float(n + RANK), device=device)
        if device == "cuda" and not ON_NCCL:
            if n == 1:
                with pytest.raises(RuntimeError, match="copy"):
                    step(y)
                break
            step(y)
            continue
        assert step(y).tolist() == [2.0 * sum(n + rank for rank in range(SIZE))] * 3
