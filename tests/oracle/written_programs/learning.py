"""Ways to learn: by reward, by equations, by other networks, by comparisons, by derivatives of derivatives."""

import copy
import math
from collections import OrderedDict, deque

from .numbers_given import weights


def policy_gradient(torch, numbers):
    nn = torch.nn
    policy = numbers.fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    states, actions, rewards = numbers.normal(5, 4), numbers.integers(2, 5), [1.0, 0.0, -1.0, 2.0, 0.5]
    returns, R = deque(), 0
    for r in rewards[::-1]:
        R = r + 0.99 * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + torch.finfo(torch.float32).eps.__float__())
    saved = []
    for s, a in zip(states, actions):
        m = torch.distributions.Categorical(logits=policy(s.unsqueeze(0)))
        saved.append(m.log_prob(a))
    loss = torch.cat([-lp * R for lp, R in zip(saved, returns)]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss, m.entropy(), weights(policy)


def actor_critic_with_clipping(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    actor, critic = numbers.fill(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), nn.Linear(3, 1))
    log_std = nn.Parameter(-0.5 * torch.ones(2))
    s, a, adv, ret = numbers.normal(8, 3), numbers.normal(8, 2), numbers.normal(8), numbers.normal(8)
    dist = torch.distributions.Normal(actor(s), log_std.exp())
    old = dist.log_prob(a).sum(-1).detach() + 0.1 * numbers.normal(8)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters(), log_std], lr=3e-3, eps=1e-5)

    def loss():
        pi = torch.distributions.Independent(torch.distributions.Normal(actor(s), log_std.exp()), 1)
        ratio = torch.exp(pi.log_prob(a) - old)
        surrogate = torch.min(ratio * adv, torch.clamp(ratio, 0.8, 1.2) * adv)
        return -surrogate.mean() + 0.5 * F.mse_loss(critic(s).squeeze(-1), ret) - 0.01 * pi.entropy().mean()

    return numbers.train(optimizer, loss), log_std, weights(actor, critic)


def deep_q(torch, numbers):
    nn = torch.nn
    q = numbers.fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
    target = copy.deepcopy(q)
    optimizer = torch.optim.RMSprop(q.parameters(), lr=1e-2, centered=True, alpha=0.95)
    s, s2, a, r = numbers.normal(6, 4), numbers.normal(6, 4), numbers.integers(3, 6, 1), numbers.normal(6)
    done = torch.BoolTensor([0, 0, 1, 0, 1, 0])
    losses = []
    for _ in range(3):
        chosen = q(s).gather(1, a)
        following = torch.zeros(6)
        with torch.no_grad():
            following[~done] = target(s2[~done]).max(1).values
        loss = nn.SmoothL1Loss()(chosen, (following * 0.99 + r).unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        for p in q.parameters():
            p.grad.data.clamp_(-1, 1)
        optimizer.step()
        tsd, qsd = target.state_dict(), q.state_dict()
        for key in qsd:
            tsd[key] = qsd[key] * 0.05 + tsd[key] * 0.95
        target.load_state_dict(tsd)
        losses.append(loss.item())
    return losses, weights(q, target)


def soft_actor(torch, numbers):
    F = torch.nn.functional
    net, q = numbers.fill(torch.nn.Linear(3, 4), torch.nn.Linear(5, 1))
    s, eps = numbers.normal(6, 3), numbers.normal(6, 2)
    mean, log_std = net(s).chunk(2, dim=-1)
    log_std = torch.clamp(log_std, -20, 2)
    pi = torch.distributions.Normal(mean, log_std.exp())
    u = mean + eps * log_std.exp()
    logp = pi.log_prob(u).sum(axis=-1) - (2 * (math.log(2) - u - F.softplus(-2 * u))).sum(axis=1)
    action = torch.tanh(u)
    loss = (0.2 * logp - q(torch.cat([s, action], dim=-1)).squeeze(-1)).mean()
    for p in q.parameters():
        p.requires_grad_(False)
    loss.backward()
    return loss, logp, action, [p.grad for p in net.parameters()]


def physics_informed(torch, numbers):
    nn = torch.nn
    torch_grad = torch.autograd.grad
    net = numbers.fill(nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 1)))
    nu = nn.Parameter(torch.tensor([0.1]))
    net.register_parameter("nu", nu)
    x, t = numbers.normal(9, 1).requires_grad_(True), numbers.normal(9, 1).abs().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        net.parameters(), lr=0.1, max_iter=2, line_search_fn="strong_wolfe", tolerance_change=1.0 * 1e-9
    )

    def residual():
        u = net(torch.hstack([x, t]))
        u_t = torch_grad(u, t, grad_outputs=torch.ones_like(u), retain_graph=True, create_graph=True)[0]
        u_x = torch_grad(u, x, torch.ones_like(u), True, True)[0]
        u_xx = torch_grad(u_x.sum(), x, create_graph=True)[0]
        return u_t + u * u_x - nu * u_xx

    def closure():
        optimizer.zero_grad()
        loss = torch.mean(residual() ** 2)
        if loss.requires_grad:
            loss.backward()
        return loss

    before = closure().detach().clone()
    gradients = [p.grad.clone() for p in net.parameters()]
    optimizer.step(closure)
    return before, gradients, closure()


def hamiltonian_network(torch, numbers):
    net = numbers.fill(torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Softplus(beta=2), torch.nn.Linear(8, 1)))
    J = torch.Tensor([[0, 1], [-1, 0]])

    def field(z):
        return torch.func.vmap(torch.func.grad(lambda s: net(s).sum()))(z) @ J.T

    z = numbers.normal(4, 2)
    path = [z]
    for _ in range(3):
        k1 = field(z)
        k2 = field(z + 0.05 * k1)
        z = z + 0.1 * k2
        path.append(z)
    loss = torch.stack(path, dim=0)[1:].pow(2).mean()
    loss.backward()
    return path, [p.grad for p in net.parameters()]


def neural_ode_by_adjoint(torch, numbers):
    nn = torch.nn
    func = numbers.fill(nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2)))
    params = tuple(func.parameters())

    class Solve(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y0, *params):
            y = y0
            with torch.no_grad():
                for _ in range(8):
                    y = y + 0.125 * func(y)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            total = [torch.zeros_like(p) for p in params]
            for _ in range(8):
                with torch.enable_grad():
                    y_ = y.detach().requires_grad_(True)
                    f = func(y_)
                    gy, *gp = torch.autograd.grad(f, (y_, *params), g, allow_unused=True)
                y = y - 0.125 * f.detach()
                g = g + 0.125 * gy
                torch._foreach_add_(total, [0.125 * p for p in gp])
            return (g, *total)

    y0 = numbers.normal(4, 2).requires_grad_()
    Solve.apply(y0, *params).pow(2).mean().backward()
    return y0.grad, [p.grad for p in params]


def coordinates_with_sines(torch, numbers):
    nn = torch.nn

    class Sine(nn.Module):
        __constants__ = ["w0"]

        def __init__(self, w0: float = 3.0):
            super().__init__()
            self.w0 = w0

        def forward(self, x):
            return torch.sin(self.w0 * x)

        def extra_repr(self):
            return f"w0={self.w0}"

    net = nn.Sequential(OrderedDict([("a", nn.Linear(2, 8)), ("s", Sine()), ("b", nn.Linear(8, 1))]))
    with torch.no_grad():
        for m in net.modules():
            if hasattr(m, "weight"):
                n = m.weight.size(-1)
                m.weight.copy_(numbers.normal(*m.weight.shape).clamp(-1, 1) * math.sqrt(6 / n) / 3.0)
                m.bias.zero_()
    grid = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, 3), torch.linspace(-1, 1, steps=3), indexing="ij"), -1
    ).reshape(-1, 2)
    grid.requires_grad_(True)
    y = net(grid)
    slope = torch.autograd.grad(y, [grid], grad_outputs=torch.ones_like(y), create_graph=True)[0]
    laplacian = sum(torch.autograd.grad(slope[..., i].sum(), grid, create_graph=True)[0][..., i] for i in range(2))
    laplacian.square().mean().backward()
    return y, slope, laplacian, net.a.weight.grad, repr(net)


def radiance_field(torch, numbers):
    F = torch.nn.functional
    net = numbers.fill(torch.nn.Sequential(torch.nn.Linear(15, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)))

    def encode(x, L=2):
        out = [x]
        for i in range(L):
            for fn in [torch.sin, torch.cos]:
                out.append(fn(2.0**i * x))
        return torch.cat(out, dim=-1)

    origin, direction = numbers.normal(3, 3), F.normalize(numbers.normal(3, 3), dim=-1)
    z = torch.linspace(2.0, 6.0, 5).expand(3, 5)
    pts = origin[..., None, :] + direction[..., None, :] * z[..., :, None]
    raw = torch.cat([net(chunk) for chunk in torch.split(encode(pts).reshape(-1, 15), 4)], 0).view(3, 5, 4)
    dists = torch.cat([z[..., 1:] - z[..., :-1], torch.Tensor([1e10]).expand(z[..., :1].shape)], -1)
    alpha = 1.0 - torch.exp(-F.relu(raw[..., 3]) * dists)
    T = torch.cumprod(torch.cat([torch.ones((3, 1)), 1.0 - alpha + 1e-10], -1), -1)[:, :-1]
    w = alpha * T
    rgb = torch.sum(w[..., None] * torch.sigmoid(raw[..., :3]), -2)
    cdf = torch.cumsum((w + 1e-5) / torch.sum(w + 1e-5, -1, keepdim=True), -1).detach()
    inds = torch.searchsorted(cdf, torch.linspace(0.0, 1.0, steps=4).expand(3, 4).contiguous(), right=True)
    rgb.pow(2).sum().backward()
    return rgb, inds, [p.grad for p in net.parameters()]


def meta_learning(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    net = numbers.fill(nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1)))
    meta = torch.optim.Adam(net.parameters(), lr=1e-2)
    xs, ys = numbers.normal(3, 6, 1), numbers.normal(3, 6, 1)

    def adapted(params, x, y):
        loss = F.mse_loss(torch.func.functional_call(net, params, (x,)), y)
        grads = torch.autograd.grad(loss, params.values(), create_graph=True)
        return {n: p - 0.1 * g for (n, p), g in zip(params.items(), grads)}

    losses = []
    for _ in range(2):
        total = 0.0
        for x, y in zip(xs, ys):
            fast = adapted(dict(net.named_parameters()), x[:3], y[:3])
            total += F.mse_loss(torch.func.functional_call(net, fast, x[3:]), y[3:])
        meta.zero_grad()
        total.backward()
        meta.step()
        losses.append(total.item())
    return losses, weights(net)


def ensemble_by_vmap(torch, numbers):
    nets = [numbers.fill(torch.nn.Linear(3, 2)) for _ in range(3)]
    params, buffers = torch.func.stack_module_state(nets)
    base = copy.deepcopy(nets[0])
    x = numbers.normal(4, 3)
    out = torch.vmap(lambda p, b, x: torch.func.functional_call(base, (p, b), (x,)), in_dims=(0, 0, None))(
        params, buffers, x
    )
    per_sample = torch.vmap(
        torch.func.grad(lambda p, x, y: (torch.func.functional_call(base, p, (x[None],)) - y).square().sum()),
        (None, 0, 0),
    )({k: v.detach() for k, v in base.named_parameters()}, x, numbers.normal(4, 2))
    return out, per_sample["weight"].flatten(1).norm(dim=1), sorted(params)


def newton_and_hessians(torch, numbers):
    A, b = numbers.normal(4, 4), numbers.normal(4)

    def f(x):
        return 0.25 * (A @ x - b).pow(4).sum() + 0.5 * x.dot(x)

    x = torch.zeros(4, requires_grad=True)
    values = []
    for _ in range(3):
        g = torch.autograd.functional.jacobian(f, x)
        H = torch.autograd.functional.hessian(f, x, vectorize=True)
        x = (x - torch.linalg.solve(H, g)).detach().requires_grad_()
        values.append(f(x).item())
    v = torch.ones(4)
    hvp = torch.autograd.functional.hvp(f, x, v)[1]
    vhp = torch.autograd.grad((torch.autograd.grad(f(x), x, create_graph=True)[0] * v).sum(), x)[0]
    L = torch.linalg.cholesky(torch.func.hessian(f)(x))
    return values, x, hvp, vhp, torch.cholesky_solve(v.unsqueeze(1), L), torch.logdet(H)


def siamese_and_triplets(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    net = numbers.fill(nn.Sequential(nn.Linear(5, 6), nn.PReLU(), nn.Linear(6, 3)))
    a, p, n = (numbers.normal(4, 5) for _ in range(3))
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)

    def loss():
        ea, ep, en = net(a), net(p), net(n)
        triplet = nn.TripletMarginWithDistanceLoss(
            distance_function=lambda x, y: 1.0 - F.cosine_similarity(x, y), margin=0.5
        )
        d = F.pairwise_distance(ea, ep, keepdim=True)
        label = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
        contrastive = torch.mean((1 - label) * torch.pow(d, 2) + label * torch.pow(torch.clamp(1.0 - d, min=0.0), 2))
        return triplet(ea, ep, en) + contrastive + F.cosine_embedding_loss(ea, en, label.view(-1) * 2 - 1)

    return numbers.train(optimizer, loss), torch.cdist(net(a), net(p)), weights(net)


def contrastive_pairs(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    net = numbers.fill(nn.Linear(6, 4))
    z = F.normalize(net(numbers.normal(8, 6)), dim=1)
    sim = torch.matmul(z, z.T) / 0.5
    mask = torch.eye(8, dtype=torch.bool)
    labels = torch.cat([torch.arange(4) for _ in range(2)], dim=0)
    labels = (labels.unsqueeze(0) == labels.unsqueeze(1)).float()
    labels = labels[~mask].view(8, -1)
    sim = sim[~mask].view(8, -1)
    logits = torch.cat([sim[labels.bool()].view(8, -1), sim[~labels.bool()].view(8, -1)], dim=1)
    loss = F.cross_entropy(logits, torch.zeros(8, dtype=torch.long))
    sim2 = (z @ z.t()).masked_fill(mask, -9e15)
    nll = (-sim2.gather(1, torch.arange(8).roll(4)[:, None]).squeeze() + torch.logsumexp(sim2, dim=-1)).mean()
    rank = (
        torch.cat([sim2.gather(1, torch.arange(8).roll(4)[:, None]), sim2], -1)
        .argsort(dim=-1, descending=True)
        .argmin(dim=-1)
    )
    (loss + nll).backward()
    return loss, nll, (rank < 3).float().mean(), net.weight.grad


def redundancy_reduction(torch, numbers):
    nn = torch.nn
    net = numbers.fill(nn.Sequential(nn.Linear(5, 4, bias=False), nn.BatchNorm1d(4, affine=False)))
    a, b = net(numbers.normal(6, 5)), net(numbers.normal(6, 5))
    c = (a.T @ b).div_(6)

    def off_diagonal(x):
        n, m = x.shape
        return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()

    on = torch.diagonal(c).add_(-1).pow_(2).sum()
    off = off_diagonal(c).pow_(2).sum()
    (on + 0.005 * off).backward()
    return on, off, net[0].weight.grad


def low_rank_adapters(torch, numbers):
    nn = torch.nn

    class LoRA(nn.Module):
        def __init__(self, linear, r=2):
            super().__init__()
            self.linear = linear.requires_grad_(False)
            self.A = nn.Parameter(linear.weight.new_zeros((r, linear.in_features)))
            self.B = nn.Parameter(linear.weight.new_zeros((linear.out_features, r)))

        def forward(self, x):
            return self.linear(x) + (x @ self.A.T @ self.B.T) * 2.0

    net = numbers.fill(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Sequential(nn.Linear(6, 3))))
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Linear):
            parent = net.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], LoRA(module))
    for n, p in net.named_parameters():
        if n.endswith("A"):
            p.data.copy_(numbers.normal(*p.shape))
    trainable = filter(lambda p: p.requires_grad, net.parameters())
    x, y = numbers.normal(5, 4), numbers.normal(5, 3)
    losses = numbers.train(torch.optim.AdamW(trainable, lr=0.1), lambda: (net(x) - y).square().mean())
    return losses, sorted(k for k in net.state_dict() if k.endswith(("A", "B"))), weights(net)


def averages_of_weights(torch, numbers):
    nn = torch.nn
    net = numbers.fill(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)))
    ema = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    swa = torch.optim.swa_utils.AveragedModel(net)
    mine = {k: v.clone() for k, v in net.state_dict().items()}
    x, y = numbers.normal(6, 3), numbers.normal(6, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        numbers.train(optimizer, lambda: nn.functional.mse_loss(net(x), y), 1)
        ema.update_parameters(net)
        swa.update_parameters(net)
        for k, v in net.state_dict().items():
            mine[k] = mine[k] * 0.9 + v * 0.1 if v.dtype.is_floating_point else v
    torch.optim.swa_utils.update_bn([x, x], swa)
    return weights(ema, swa), list(mine.values()), [b for b in swa.buffers()]


def fake_quantisation(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    class Round(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale, bits):
            ctx.save_for_backward((x / scale).abs() <= 2 ** (bits - 1) - 1)
            return torch.clamp(torch.round(x / scale), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale

        @staticmethod
        def backward(ctx, g):
            (inside,) = ctx.saved_tensors
            return g * inside.to(g.dtype), None, None

    class Quantized(nn.Linear):
        def forward(self, x):
            scale = self.weight.detach().abs().amax(dim=1, keepdim=True) / 7
            w = Round.apply(self.weight, scale, 4)
            x = x + (torch.floor(x * 8 + 0.5) / 8 - x).detach()
            return F.linear(x, w, self.bias)

    net = numbers.fill(nn.Sequential(Quantized(4, 6), nn.ReLU6(), Quantized(6, 2)))
    x, y = numbers.normal(5, 4), numbers.integers(2, 5)
    losses = numbers.train(torch.optim.SGD(net.parameters(), lr=0.1), lambda: F.cross_entropy(net(x), y))
    return losses, weights(net), (net[0].weight * 10).round().to(torch.int8)


def distillation(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    teacher, student = numbers.fill(nn.Linear(5, 4), nn.Sequential(nn.Linear(5, 3), nn.Hardtanh(), nn.Linear(3, 4)))
    x, y, T = numbers.normal(6, 5), numbers.integers(4, 6), 4.0
    teacher.eval().requires_grad_(False)

    def loss():
        s, t = student(x), teacher(x)
        soft = (
            nn.KLDivLoss(reduction="batchmean", log_target=True)(F.log_softmax(s / T, 1), F.log_softmax(t / T, 1))
            * T
            * T
        )
        js = 0.5 * F.kl_div(s.log_softmax(1), t.softmax(1), reduction="sum")
        return 0.7 * soft + 0.3 * F.cross_entropy(s, y) + 0.01 * js

    return numbers.train(torch.optim.Adamax(student.parameters(), lr=0.01), loss), weights(student)


def mixture_density(torch, numbers):
    nn, D = torch.nn, torch.distributions
    net = numbers.fill(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 9)))
    x, y = numbers.normal(7, 1), numbers.normal(7)

    def loss():
        logits, mu, raw = net(x).split(3, dim=1)
        mixture = D.MixtureSameFamily(D.Categorical(logits=logits), D.Normal(mu, nn.functional.softplus(raw) + 1e-3))
        return -mixture.log_prob(y).mean()

    return numbers.train(torch.optim.Rprop(net.parameters(), lr=0.01), loss), weights(net)


def straight_through_categories(torch, numbers):
    F = torch.nn.functional
    logits = numbers.normal(4, 5).requires_grad_()
    y = F.softmax((logits + numbers.normal(4, 5)) / 0.5, -1)
    index = y.max(-1, keepdim=True)[1]
    hard = torch.zeros_like(logits, memory_format=torch.legacy_contiguous_format).scatter_(-1, index, 1.0)
    out = hard - y.detach() + y
    (out * torch.arange(5.0)).sum().backward()
    binary = (logits.sigmoid() > 0.5).type(logits.dtype)
    return out, logits.grad, binary


def graph_network(torch, numbers):
    nn = torch.nn
    edges = torch.LongTensor([[0, 1, 2, 2, 3], [1, 2, 0, 3, 0]])
    x, lin = numbers.normal(4, 3), numbers.fill(nn.Linear(3, 3))
    src, dst = edges
    deg = torch.zeros(4).scatter_add_(0, dst, torch.ones(5))
    norm = deg[src].clamp(min=1).pow(-0.5) * deg[dst].pow(-0.5)
    h = torch.zeros(4, 3).index_add(0, dst, norm[:, None] * lin(x)[src])
    best = torch.full((4, 3), -1e9).scatter_reduce(
        0, dst[:, None].expand(-1, 3), lin(x)[src], reduce="amax", include_self=False
    )
    att = torch.einsum("ni,mi->nm", h, h).masked_fill_(torch.eye(4).bool(), 0)
    A = torch.zeros(4, 4)
    A[src, dst] = 1
    L = torch.diag(A.sum(1)) - A
    (h.sum() + best.clamp(min=-5).sum() + att.trace()).backward()
    return h, best, att, L, lin.weight.grad, torch.linalg.eigvalsh(L + L.t())


def sequence_labels_by_viterbi(torch, numbers):
    emissions, transitions = numbers.normal(5, 3).requires_grad_(), numbers.normal(3, 3).requires_grad_()
    alpha = emissions[0]
    score, back = emissions[0], []
    for e in emissions[1:]:
        alpha = torch.logsumexp(alpha[:, None] + transitions + e[None, :], dim=0)
        score, best = (score.unsqueeze(1) + transitions + e.unsqueeze(0)).max(0)
        back.append(best)
    tags = [score.argmax().item()]
    for b in reversed(back):
        tags.insert(0, b[tags[0]].item())
    gold = torch.tensor([0, 2, 1, 1, 0])
    path = emissions[range(5), gold].sum() + transitions[gold[:-1], gold[1:]].sum()
    (alpha.logsumexp(-1) - path).backward()
    return tags, alpha, emissions.grad, transitions.grad


def connectionist_labels(torch, numbers):
    nn = torch.nn
    rnn, fc = numbers.fill(nn.RNN(4, 6, nonlinearity="relu", bidirectional=True), nn.Linear(12, 5))
    x = numbers.normal(7, 2, 4)
    loss = nn.CTCLoss(blank=0, zero_infinity=True)(
        fc(rnn(x)[0]).log_softmax(2), torch.tensor([[1, 2, 2], [3, 0, 0]]), torch.tensor([7, 5]), torch.tensor([3, 1])
    )
    loss.backward()
    return loss, [p.grad for p in rnn.parameters()]


def transport_by_sinkhorn(torch, numbers):
    x, y = numbers.normal(4, 2).requires_grad_(), numbers.normal(5, 2)
    C = (x.unsqueeze(-2) - y.unsqueeze(-3)).abs().pow(2).sum(-1)
    u, v = torch.zeros(4), torch.zeros(5)
    for _ in range(5):
        u = 0.1 * (torch.full((4,), 0.25).log() - torch.logsumexp((-C + u[:, None] + v[None]) / 0.1, -1)) + u
        v = (
            0.1
            * (
                torch.full((5,), 0.2).log()
                - torch.logsumexp((-C + u[:, None] + v[None]).transpose(-2, -1) / 0.1, dim=-1)
            )
            + v
        )
    P = torch.exp((-C + u[:, None] + v[None]) / 0.1)
    cost = torch.sum(P * C, dim=(-2, -1))
    cost.backward()
    return cost, P, x.grad


def gaussian_process(torch, numbers):
    x, y = numbers.normal(6, 1).sort(0).values, numbers.normal(6)
    raw = torch.nn.ParameterDict(
        {k: torch.nn.Parameter(torch.tensor(v)) for k, v in dict(l=0.1, s=0.2, n=-1.0).items()}
    )
    optimizer = torch.optim.ASGD(raw.parameters(), lr=0.01)

    def loss():
        l, s, n = (torch.nn.functional.softplus(raw[k]) for k in ("l", "s", "n"))
        K = s * torch.exp(
            -0.5 * torch.cdist(x / l, x / l, compute_mode="donot_use_mm_for_euclid_dist") ** 2
        ) + n * torch.eye(6)
        return -torch.distributions.MultivariateNormal(torch.zeros(6), covariance_matrix=K).log_prob(y)

    return numbers.train(optimizer, loss), list(raw.values()), sorted(raw.keys())


def accumulated_with_scaling(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    net = numbers.fill(nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6, eps=1e-6), nn.Dropout(0.0), nn.Linear(6, 2)))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=4, cycle_momentum=False)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    dataset = torch.utils.data.TensorDataset(numbers.normal(8, 4), numbers.integers(2, 8))
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, shuffle=False, drop_last=True, pin_memory=False)
    losses = []
    for i, (x, y) in enumerate(loader):
        loss = F.cross_entropy(torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False), y) / 2
        scaler.scale(loss).backward()
        if (i + 1) % 2 == 0:
            scaler.unscale_(optimizer)
            total = nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0, norm_type=2)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            scheduler.step()
            losses += [loss.item(), float(total), scheduler.get_last_lr()[0]]
    return losses, weights(net)


def optimizer_of_ones_own(torch, numbers):
    class Lookahead(torch.optim.Optimizer):
        def __init__(self, params, lr=0.1, momentum=0.9, k=2):
            if lr < 0.0:
                raise ValueError(f"Invalid lr: {lr}")
            super().__init__(params, dict(lr=lr, momentum=momentum, k=k))

        @torch.no_grad()
        def step(self, closure=None):
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"], state["slow"] = 0, torch.clone(p).detach()
                        state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                    state["step"] += 1
                    buf = state["exp_avg"].mul_(group["momentum"]).add_(p.grad, alpha=1 - group["momentum"])
                    denom = buf.abs().add_(1e-3)
                    p.addcdiv_(buf, denom, value=-group["lr"])
                    if state["step"] % group["k"] == 0:
                        state["slow"].lerp_(p, 0.5)
                        p.copy_(state["slow"])
            return loss

    net, x = numbers.fill(torch.nn.Linear(4, 2)), numbers.normal(5, 4)
    optimizer = Lookahead(net.parameters())
    losses = []
    for _ in range(4):

        def closure():
            optimizer.zero_grad()
            loss = net(x).logcosh().mean() if hasattr(torch, "logcosh") else net(x).cosh().log().mean()
            loss.backward()
            return loss

        losses.append(optimizer.step(closure).item())
    state = optimizer.state_dict()
    return losses, weights(net), state["state"][0]["step"], sorted(state["param_groups"][0])
