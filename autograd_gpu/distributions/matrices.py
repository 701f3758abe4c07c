"""Random matrices: covariances by Wishart, and Cholesky factors of correlations by Lewandowski, Kurowicka & Joe."""

from __future__ import annotations

import math
from typing import Any

import autograd_gpu as torch
from autograd_gpu import Size, Tensor

from . import constraints
from .dirichlet import Beta
from .distribution import Distribution
from .exponential_family import ExponentialFamily
from .gamma import Chi2
from .multivariate_normal import factor_of, given_matrix, half_log_det
from .utils import broadcast_all, lazy_property


def _multidigamma(x: Tensor, p: int) -> Tensor:
    return torch.digamma(x.unsqueeze(-1) - torch.arange(p, dtype=x.dtype, device=x.device) / 2).sum(-1)


class Wishart(ExponentialFamily):
    """The sum of the outer products of `df` normal vectors."""

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._matrix_size - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = given_matrix(covariance_matrix, precision_matrix, scale_tril)
        if not isinstance(df, Tensor):
            df = torch.tensor(float(df), dtype=matrix.dtype, device=matrix.device)
        self._matrix_size = matrix.shape[-1]
        batch_shape = Size(torch.broadcast_shapes(matrix.shape[:-2], df.shape))
        self.df = df.expand(batch_shape)
        vars(self)[name] = matrix.expand(batch_shape + (-1, -1))
        if self.df.le(self._matrix_size - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {self._matrix_size - 1}.")
        super().__init__(batch_shape, matrix.shape[-2:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)
        less = torch.arange(self._matrix_size, dtype=self.df.dtype, device=self.df.device)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - less)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        chi2, batch_shape = vars(self).pop("_dist_chi2"), Size(batch_shape)  # its batch has one dimension more
        try:
            new = super().expand(batch_shape, _instance)
        finally:
            self._dist_chi2 = chi2
        new._dist_chi2 = chi2.expand(batch_shape + self._event_shape[-1:])
        return new

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._unbroadcasted_scale_tril.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return torch.cholesky_inverse(self._unbroadcasted_scale_tril).expand(self._batch_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        return torch.where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape: Any = (), max_try_correction: Any = None) -> Tensor:
        """By Bartlett's decomposition."""
        diagonal = self._dist_chi2.rsample(sample_shape).clamp(min=torch.finfo(self.df.dtype).tiny).sqrt()
        noise = torch.randn(self._extended_shape(sample_shape), dtype=self.df.dtype, device=self.df.device)
        factor = self._unbroadcasted_scale_tril @ (noise.tril(-1) + diagonal.diag_embed())
        return factor @ factor.mT

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        nu, p, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = torch.cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (
            -nu * (p * math.log(2) / 2 + half_log_det(factor)) - torch.mvlgamma(nu / 2, p=p)
            + (nu - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet - trace / 2
        )  # fmt: skip

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        return (
            (p + 1) * (p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)) + torch.mvlgamma(nu / 2, p=p)
            - (nu - p - 1) / 2 * _multidigamma(nu / 2, p) + nu * p / 2
        )  # fmt: skip

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        p = self._event_shape[-1]
        rest = y + (p + 1) / 2
        return rest * (-torch.linalg.slogdet(-2 * x).logabsdet + math.log(2) * p) + torch.mvlgamma(rest, p=p)


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices whose density is det**(concentration - 1)."""

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args=validate_args)
        # The squared length of row i, without its last part, is Beta(i / 2, concentration + (dim - 1 - i) / 2).
        rows = torch.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        last = self.concentration.unsqueeze(-1) + 0.5 * (dim - 2 - rows)
        self._beta = Beta((rows + 1) / 2, last)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(LKJCholesky, _instance)
        vars(new).update(vars(self))
        new._batch_shape = Size(batch_shape)
        new.concentration = self.concentration.expand(new._batch_shape)
        new._beta = self._beta.expand(new._batch_shape + (self.dim - 1,))
        return new

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """The onion method: each row has a length and a direction."""
        with torch.no_grad():
            squares = self._beta.sample(sample_shape).unsqueeze(-1)
            shape = self._extended_shape(sample_shape)
            normal = torch.randn(shape, dtype=squares.dtype, device=squares.device).tril(-1)[..., 1:, :]
            rows = normal / normal.norm(dim=-1, keepdim=True) * squares.sqrt()
            lower = torch.nn.functional.pad(rows, [0, 0, 1, 0])
            tiny = torch.finfo(lower.dtype).tiny
            return lower + (1 - lower.pow(2).sum(-1)).clamp(min=tiny).sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        dim, eta = self.dim, self.concentration
        order = torch.arange(2, dim + 1, dtype=eta.dtype, device=eta.device)
        powers = 2 * (eta - 1).unsqueeze(-1) + dim - order
        unnormalized = (powers * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log()).sum(-1)
        alpha = eta + 0.5 * (dim - 1)
        whole = torch.mvlgamma(alpha - 0.5, dim - 1) - torch.lgamma(alpha) * (dim - 1)
        return unnormalized - (0.5 * (dim - 1) * math.log(math.pi) + whole)
