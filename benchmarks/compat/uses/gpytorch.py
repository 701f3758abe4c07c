import math

import gpytorch
import torch
from common import data, trained


class ExactGP(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel=None):
        super().__init__(x, y, likelihood)
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(kernel or gpytorch.kernels.RBFKernel())

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


def problem():
    x = torch.linspace(0, 1, 20)
    return x, torch.sin(2 * math.pi * x) + 0.1 * data(20)


def fitted(kernel=None):
    x, y = problem()
    likelihood = gpytorch.likelihoods.GaussianLikelihood()
    net = ExactGP(x, y, likelihood, kernel)
    marginal = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, net)
    net.train(), likelihood.train()
    result = trained(net, lambda m: -marginal(m(x), y), torch.optim.Adam(net.parameters(), lr=0.1))
    net.eval(), likelihood.eval()
    with torch.no_grad(), gpytorch.settings.fast_pred_var():
        prediction = likelihood(net(torch.linspace(0, 1, 7)))
        return result, prediction.mean, prediction.variance, *prediction.confidence_region()


def readme():
    return fitted()


class Variational(gpytorch.models.ApproximateGP):
    def __init__(self, points):
        q = gpytorch.variational.CholeskyVariationalDistribution(points.size(0))
        super().__init__(gpytorch.variational.VariationalStrategy(self, points, q, learn_inducing_locations=True))
        self.mean_module = gpytorch.means.LinearMean(1)
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(nu=1.5))

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


def model():
    kernels = gpytorch.kernels
    exact = [fitted(k) for k in (kernels.MaternKernel(nu=2.5), kernels.PeriodicKernel(), kernels.RQKernel())]
    x, y = problem()
    net, likelihood = Variational(x[::4, None].clone()), gpytorch.likelihoods.GaussianLikelihood()
    bound = gpytorch.mlls.VariationalELBO(likelihood, net, num_data=20)
    return exact, trained(net, lambda m: -bound(m(x[:, None]), y))
