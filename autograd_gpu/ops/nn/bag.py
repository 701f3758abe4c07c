"""Bags of rows: weighted sums of a table's rows, which embedding_bag and grid_sample are made of.

T(x, w, g) = sum over bags b and their items i of w_i * x[index_i] . g_b is linear in each of its three arguments, and
each of the three operations is its derivative by one of them; so each one's backward is the other two.

index is (bags, size), or (items,) with offsets (bags + 1,); a row of -1 is nothing.
"""

from __future__ import annotations

from ...op import Op
from ...tensor import Tensor
from ..cast import counting
from ..creation import arange
from ..elementwise import where
from ..index import ScatterAddRows
from ..shape import reshape


class BagSum(Op):
    """y_b = the sum of w_i * x[index_i] over the items i of bag b, x (N, C); w_i = 1 for no weights."""

    def forward(ctx, x, index, weight, offsets):
        return ctx.backend.bag_sum(x, index, weight, offsets)

    def keep(ctx, y, x, index, weight, offsets):
        ctx.count = x._array.shape[0]
        ctx.save(x if ctx.edges[2] else None, index, weight, offsets)

    def backward(ctx, gy):
        x, index, weight, offsets = ctx.saved
        gx = BagScatter.apply(gy, index, weight, offsets, count=ctx.count) if ctx.needs(0) else None
        return gx, None, BagDot.apply(gy, x, index, offsets) if ctx.needs(2) else None, None


class BagScatter(Op):
    """gx_r = the sum of w_i * gy[bag of i] over the items i whose row is r."""

    def forward(ctx, gy, index, weight, offsets, count):
        return ctx.backend.bag_scatter(gy, index, weight, offsets, count)

    def keep(ctx, gx, gy, index, weight, offsets, count):
        ctx.save(gy if ctx.edges[2] else None, index, weight, offsets)

    def backward(ctx, ggx):
        gy, index, weight, offsets = ctx.saved
        ggy = BagSum.apply(ggx, index, weight, offsets) if ctx.needs(0) else None
        return ggy, None, BagDot.apply(gy, ggx, index, offsets) if ctx.needs(2) else None, None


class BagDot(Op):
    """gw_i = gy[bag of i] . x[index_i]."""

    def forward(ctx, gy, x, index, offsets):
        return ctx.backend.bag_dot(gy, x, index, offsets)

    def keep(ctx, gweight, gy, x, index, offsets):
        ctx.count = x._array.shape[0]
        ctx.save(gy if ctx.edges[1] else None, x if ctx.edges[0] else None, index, offsets)

    def backward(ctx, ggw):
        gy, x, index, offsets = ctx.saved
        ggy = BagSum.apply(x, index, ggw, offsets) if ctx.needs(0) else None
        return ggy, BagScatter.apply(gy, index, ggw, offsets, count=ctx.count) if ctx.needs(1) else None, None, None


class BagMax(Op):
    """y_bc = the largest x[index_i, c] of bag b, and its row; 0 and -1 for a bag of no rows."""

    def forward(ctx, x, index, offsets):
        return ctx.backend.bag_max(x, index, offsets)

    def keep(ctx, outputs, x, index, offsets):
        ctx.shape = x._array.shape
        ctx.save(outputs[1].detach())

    def backward(ctx, gy, _):
        (row,) = ctx.saved
        count, columns = ctx.shape
        element = where(row < 0, 0, row * columns + arange(columns, device=row.device))
        passed = reshape(where(row < 0, 0.0, gy), (gy._array.size, 1))
        flat = ScatterAddRows.apply(passed, reshape(element, (gy._array.size,)), count=count * columns)
        return reshape(flat, ctx.shape), None, None


def counts(index: Tensor, offsets: Tensor | None, like: Tensor) -> Tensor:
    """Return how many rows each bag names, (bags, 1), in a dtype for `like`'s."""
    one = like.new_ones((1, 1), dtype=counting(like.dtype))
    return BagSum.apply(one, where(index < 0, -1, 0), None, offsets)
