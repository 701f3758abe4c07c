"""Rules of the vmap backend for functions of rows: products, layers, norms, the cross entropy, attention.

Knows where a shared parameter lets the whole batch be one call with more rows; how arrays hide their batch is `rules`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


class RowRules:
    """Each function by the same function underneath, the examples' rows below one another where parameters are
    shared."""

    if TYPE_CHECKING:  # what `Batching` brings
        under: Any
        _raw: Any
        _hide: Any
        _is_shared: Any
        _one: Any
        _fold: Any
        _unfold: Any
        add: Any
        sub: Any
        mul: Any
        sum: Any
        cast: Any
        expand: Any
        gelu: Any
        gelu_backward: Any

    # ------------------------------------------------------------------------------------------ products

    def matmul(self, x, y):
        if self._is_shared(y) and not self._is_shared(x) and x.ndim == 2:  # one big product instead of a batch of small
            return self._unfold(self.under.matmul(self._fold(x), self._one(y)), x.shape[0])
        return self._hide(self.under.matmul(self._raw(x), self._raw(y)))

    def linear(self, x, weight, bias):
        if self._is_shared(weight) and (bias is None or self._is_shared(bias)):
            return self._unfold(self.under.linear(self._fold(x), self._one(weight), self._one(bias)), x.shape[0])
        y = self.matmul(x, weight.swapaxes(0, 1))
        return y if bias is None else self.add(y, self.expand(bias.reshape(1, -1), y.shape), out=y)

    def linear_gelu(self, x, weight, bias, approximate):
        h = self.linear(x, weight, bias)
        return h, self.gelu(h, approximate)

    def gelu_linear_backward(self, gy, weight, h, approximate):
        return self.gelu_backward(self.matmul(gy, weight), h, approximate)

    def linear_parameters_backward(self, gy, x):
        return self.matmul(gy.swapaxes(0, 1), x), self.sum(gy, (0,), False, gy.dtype)

    # ------------------------------------------------------------------------------------------ norms

    def layer_norm(self, x, weight, bias, eps):
        is_shared = all(p is None or self._is_shared(p) for p in (weight, bias))
        own = (self._one(weight), self._one(bias)) if is_shared else (None, None)
        y, mean, rstd = (self._unfold(z, x.shape[0]) for z in self.under.layer_norm(self._fold(x), *own, eps))
        if not is_shared:  # parameters per example
            y = y if weight is None else self.mul(y, self._over_rows(weight, y))
            y = y if bias is None else self.add(y, self._over_rows(bias, y))
        return y, mean, rstd

    def add_layer_norm(self, x, residual, weight, bias, eps):
        total = self.add(x, residual)
        y, mean, rstd = self.layer_norm(total, weight, bias, eps)
        return y, total, mean, rstd

    def layer_norm_backward(self, gy, x, mean, rstd, weight, gsum, biased):
        fold = self._fold
        weighted = gy if weight is None else self.mul(gy, self._over_rows(weight, gy))
        past = None if gsum is None else fold(gsum)
        gx, _, _ = self.under.layer_norm_backward(fold(weighted), fold(x), fold(mean), fold(rstd), None, past, False)
        # The kernel would sum over all rows; here each example's rows are summed by themselves.
        centred = self.sub(self.cast(x, mean.dtype), self._over_columns(mean, x))
        gweight = None if weight is None else self._weight_gradient(gy, centred, rstd)
        return self._unfold(gx, x.shape[0]), gweight, self.sum(gy, (0,), False, gy.dtype) if biased else None

    def rms_norm(self, x, weight, eps):
        is_shared = weight is None or self._is_shared(weight)
        own = self._one(weight) if is_shared else None
        y, rstd = (self._unfold(z, x.shape[0]) for z in self.under.rms_norm(self._fold(x), own, eps))
        return y if is_shared else self.mul(y, self._over_rows(weight, y)), rstd

    def add_rms_norm(self, x, residual, weight, eps):
        total = self.add(x, residual)
        y, rstd = self.rms_norm(total, weight, eps)
        return y, total, rstd

    def rms_norm_backward(self, gy, x, rstd, weight, gsum):
        fold = self._fold
        weighted = gy if weight is None else self.mul(gy, self._over_rows(weight, gy))
        past = None if gsum is None else fold(gsum)
        gx, _ = self.under.rms_norm_backward(fold(weighted), fold(x), fold(rstd), None, past)
        gweight = None if weight is None else self._weight_gradient(gy, self.cast(x, rstd.dtype), rstd)
        return self._unfold(gx, x.shape[0]), gweight

    def _weight_gradient(self, gy, centred, rstd):
        products = self.mul(self.cast(gy, rstd.dtype), self.mul(centred, self._over_columns(rstd, gy)))
        return self.cast(self.sum(products, (0,), False, rstd.dtype), gy.dtype)

    def _over_rows(self, row, like):
        return self.expand(row[None, :], like.shape)

    def _over_columns(self, column, like):
        return self.expand(column[:, None], like.shape)

    # ------------------------------------------------------------------------------------------ losses

    def cross_entropy(self, x, target, ignore_index):
        loss, lse = self.under.cross_entropy(self._fold(x), self._fold(target), ignore_index)
        return self._unfold(loss, x.shape[0]), self._unfold(lse, x.shape[0])

    def cross_entropy_with_gradient(self, x, target, ignore_index):
        loss, gx = self.under.cross_entropy_with_gradient(self._fold(x), self._fold(target), ignore_index)
        return self._unfold(loss, x.shape[0]), self._unfold(gx, x.shape[0])

    def cross_entropy_backward(self, gloss, x, lse, target, ignore_index):
        folded = (self._fold(z) for z in (gloss, x, lse, target))
        return self._unfold(self.under.cross_entropy_backward(*folded, ignore_index), x.shape[0])

    # ------------------------------------------------------------------------------------------ attention

    def attention(self, q, k, v, mask, causal, scale):
        mask = self._fold_mask(mask, q)
        o, lse = self.under.attention(self._fold(q), self._fold(k), self._fold(v), mask, causal, scale)
        return self._unfold(o, q.shape[0]), self._unfold(lse, q.shape[0])

    def attention_backward(self, go, q, k, v, o, lse, mask, causal, scale):
        folded, mask = (self._fold(z) for z in (go, q, k, v, o, lse)), self._fold_mask(mask, q)
        return tuple(self._unfold(g, q.shape[0]) for g in self.under.attention_backward(*folded, mask, causal, scale))

    def _fold_mask(self, mask, q):
        if mask is None or (self._is_shared(mask) and mask.shape[0] == 1):
            return self._one(mask)
        raw = self._raw(mask)
        return self._fold(self._hide(self.under.expand(raw, (raw.shape[0], q.shape[0], *raw.shape[2:]))))
