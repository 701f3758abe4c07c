"""Rules of the vmap backend for what only nn.functional asks for: activations, bags of rows, resampling, alignments.

Knows what each function's arguments mean; how arrays hide their batch is `rules`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


class NnRules:
    """Each function by the same function underneath, with the examples in places of their own."""

    if TYPE_CHECKING:  # what `Batching` brings
        axis: Any
        under: Any
        _raw: Any
        _hide: Any
        _fold: Any
        _unfold: Any
        where: Any
        lt: Any
        remainder: Any

    def activation(self, x, kind, numbers):
        return self._hide(self.under.activation(self._raw(x), kind, numbers))

    def activation_backward(self, gy, x, kind, numbers):
        return self._hide(self.under.activation_backward(self._raw(gy), self._raw(x), kind, numbers))

    # ------------------------------------------------------------------------------------------ bags of rows

    def bag_sum(self, x, index, weight, offsets):
        return self._bags_apart(
            self.under.bag_sum(self._fold(x), *self._folded_bags(x.shape[0], index, weight, offsets)), offsets
        )

    def bag_scatter(self, gy, index, weight, offsets, count):
        gx = self.under.bag_scatter(
            self._with_gaps(gy, offsets), *self._folded_bags(count, index, weight, offsets), self.axis.size * count
        )
        return self._unfold(gx, count)

    def bag_dot(self, gy, x, index, offsets):
        index_, _, offsets_ = self._folded_bags(x.shape[0], index, None, offsets)
        gweight = self.under.bag_dot(self._with_gaps(gy, offsets), self._fold(x), index_, offsets_)
        return self._unfold(gweight, index.shape[0])

    def bag_max(self, x, index, offsets):
        index_, _, offsets_ = self._folded_bags(x.shape[0], index, None, offsets)
        y, row = (self._bags_apart(z, offsets) for z in self.under.bag_max(self._fold(x), index_, offsets_))
        return y, self.where(self.lt(row, 0), row, self.remainder(row, x.shape[0]))

    def _folded_bags(self, rows, index, weight, offsets):
        """Return index, weights and offsets of the whole batch's bags among the whole batch's rows."""
        under, raw = self.under, self._raw(index)
        is_none = under.lt(raw, 0)
        numbers = under.where(is_none, -1, under.add(raw, self._firsts(rows, raw)))
        folded = numbers.reshape((raw.shape[0] * raw.shape[1], *raw.shape[2:]))
        if (
            offsets is not None
        ):  # between an example's last bag and the next one's first lies a gap, a bag that is dropped
            starts = self._raw(offsets)
            starts = under.add(starts, self._firsts(index.shape[0], starts))
            end = under.full((1,), self.axis.size * index.shape[0], starts.dtype)
            offsets = under.cat([starts.reshape((starts.shape[0] * starts.shape[1],)), end], 0)
        return folded, None if weight is None else self._fold(weight), offsets

    def _firsts(self, count, like):
        """Return each example's first number among those of the whole batch, `count` an example."""
        first = self.under.arange(0, count, self.axis.size, like.dtype)
        return self.under.expand(first.reshape((self.axis.size, *(1,) * (like.ndim - 1))), like.shape)

    def _bags_apart(self, x, offsets):
        """Return what the whole batch's bags gave as each example's, without the gaps."""
        y = x.reshape((self.axis.size, x.shape[0] // self.axis.size, *x.shape[1:]))
        return self._hide(y if offsets is None else self.under.contiguous(y[:, :-1]))

    def _with_gaps(self, gy, offsets):
        """Return the whole batch's bags' gradients, zeros for the gaps."""
        raw = self._raw(gy)
        if offsets is not None:
            gap = self.under.full((raw.shape[0], 1, *raw.shape[2:]), 0, raw.dtype)
            raw = self.under.cat([raw, gap], 1)
        return self.under.contiguous(raw).reshape((raw.shape[0] * raw.shape[1], *raw.shape[2:]))

    def resample(self, x, start, index, weight):
        return self._unfold(self.under.resample(self._fold(x), start, index, weight), x.shape[0])

    def grid_sample(self, x, grid, mode, padding, is_aligned):
        y = self.under.grid_sample(self._fold(x), self._fold(grid), mode, padding, is_aligned)
        return self._unfold(y, x.shape[0])

    def grid_sample_backward(self, gy, x, grid, mode, padding, is_aligned, needs_x, needs_grid):
        options = (mode, padding, is_aligned, needs_x, needs_grid)
        found = self.under.grid_sample_backward(self._fold(gy), self._fold(x), self._fold(grid), *options)
        return tuple(None if g is None else self._unfold(g, x.shape[0]) for g in found)

    # ------------------------------------------------------------------------------------------ recurrent layers

    def lstm(self, x, h, c, weight, is_reversed):
        return self._sequences("lstm", (x, h, c), (weight,), is_reversed)

    def lstm_backward(self, gy, gcells, c, cells, gates, weight, is_reversed):
        return self._sequences("lstm_backward", (gy, gcells, c, cells, gates), (weight,), is_reversed)

    def gru(self, x, h, weight, bias, is_reversed):
        return self._sequences("gru", (x, h), (weight, bias), is_reversed)

    def gru_backward(self, gy, h, y, gates, weight, is_reversed):
        return self._sequences("gru_backward", (gy, h, y, gates), (weight,), is_reversed)

    def rnn(self, x, h, weight, is_relu, is_reversed):
        return self._sequences("rnn", (x, h), (weight,), is_relu, is_reversed)

    def rnn_backward(self, gy, y, weight, is_relu, is_reversed):
        return self._sequences("rnn_backward", (gy, y), (weight,), is_relu, is_reversed)

    def _sequences(self, name, arrays, parameters, *options):
        """Rows of one batch where the parameters are shared: (steps, batch, ...), or a state's (batch, ...). Else an
        example after another."""
        run, size, batch = getattr(self.under, name), self.axis.size, arrays[0].shape[1]
        if all(p is None or self._is_shared(p) for p in parameters):
            rows = [x if x is None else self._fold(x) if x.ndim == 2 else self._fold_second(x) for x in arrays]
            found = run(*rows, *(self._one(p) for p in parameters), *options)
            many = found if isinstance(found, tuple) else (found,)
            hidden = tuple(self._unfold(y, batch) if y.ndim == 2 else self._unfold_second(y, batch) for y in many)
        else:
            raws = [x if x is None else self._raw(x) for x in (*arrays, *parameters)]
            each = [run(*(x if x is None else x[n] for x in raws), *options) for n in range(size)]
            many = zip(*(found if isinstance(found, tuple) else (found,) for found in each), strict=True)
            hidden = tuple(self._hide(self.under.cat([y[None] for y in of_all], 0)) for of_all in many)
        return hidden if len(hidden) > 1 else hidden[0]

    # ------------------------------------------------------------------------------------------ alignments

    def ctc_loss(self, x, targets, lengths, target_lengths, blank):
        folded = (self._fold_second(x), *(self._fold(z) for z in (targets, lengths, target_lengths)))
        loss, alpha = self.under.ctc_loss(*folded, blank)
        return self._unfold(loss, x.shape[1]), self._unfold(alpha, x.shape[1])

    def ctc_loss_backward(self, gloss, x, loss, alpha, targets, lengths, target_lengths, blank):
        folded = (self._fold(z) for z in (loss, alpha, targets, lengths, target_lengths))
        gx = self.under.ctc_loss_backward(self._fold(gloss), self._fold_second(x), *folded, blank)
        return self._unfold_second(gx, x.shape[1])

    def _fold_second(self, x):
        """Return the whole array with the batch merged into the second dimension."""
        raw = self._raw(x).transpose((1, 0, 2, 3))
        return self.under.contiguous(raw).reshape((raw.shape[0], raw.shape[1] * raw.shape[2], raw.shape[3]))

    def _unfold_second(self, x, rows):
        """Return the array with its second dimension parted again into the batch and each example's rows."""
        split = x.reshape((x.shape[0], self.axis.size, rows, x.shape[2]))
        return self._hide(self.under.contiguous(split.transpose((1, 0, 2, 3))))
