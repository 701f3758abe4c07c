"""Classifiers, generators and filters of images."""

from .numbers_given import weights


def residual_network(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    def conv(*args, **kwargs):
        return nn.Sequential(nn.Conv2d(*args, bias=False, **kwargs), nn.BatchNorm2d(args[1]), nn.ReLU(inplace=True))

    class Block(nn.Module):
        expansion = 1

        def __init__(self, a, b, stride=1):
            super().__init__()
            self.conv1, self.conv2 = (
                conv(a, b, kernel_size=3, stride=stride, padding=1),
                nn.Conv2d(b, b, 3, padding="same"),
            )
            self.shortcut = nn.Sequential()
            if stride != 1 or a != b:
                self.shortcut.add_module("proj", nn.Conv2d(a, b, 1, stride))

        def forward(self, x):
            out = self.conv2(self.conv1(x))
            out += self.shortcut(x)
            return F.relu_(out)

    net = nn.Sequential(
        conv(3, 4, kernel_size=3, padding=1),
        Block(4, 4),
        Block(4, 8, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    numbers.fill(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    x, y, losses = numbers.normal(4, 3, 8, 8), numbers.integers(5, 4), []
    for _ in range(3):
        net.train()
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        _, predicted = net(x).max(1)
    return losses, predicted.eq(y).sum().item(), [b for n, b in net.named_buffers()], optimizer.param_groups[0]["lr"]


def vision_transformer(torch, numbers):
    nn = torch.nn

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, 8, kernel_size=4, stride=4)
            self.cls = nn.Parameter(torch.zeros(1, 1, 8))
            self.pos = nn.Parameter(torch.empty(1, 5, 8).normal_(std=0.02))
            layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True)
            self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)

        def forward(self, x):
            x = self.patch(x).flatten(2).mT
            x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.pos
            return self.head(self.encoder(x)[:, 0])

    model = numbers.fill(ViT())
    x, y = numbers.normal(2, 3, 8, 8), torch.tensor([0, 2])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    losses = numbers.train(optimizer, lambda: torch.nn.functional.cross_entropy(model(x), y))
    return losses, weights(model)


def mixed_batches(torch, numbers):
    F = torch.nn.functional
    model = numbers.fill(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)))
    x, y, order, lam = numbers.normal(4, 3, 2, 2), torch.tensor([0, 1, 2, 1]), torch.tensor([2, 0, 3, 1]), 0.3
    mixed = lam * x + (1 - lam) * x[order, :]
    mixed[:, :, 0:1, 1:2] = x[order, :, 0:1, 1:2]
    out = model(mixed)
    loss = lam * F.cross_entropy(out, y) + (1 - lam) * F.cross_entropy(out, y[order])
    soft = F.cross_entropy(out, F.one_hot(y, 3) * lam + F.one_hot(y[order], 3) * (1 - lam))
    loss.backward()
    return loss, soft, [p.grad for p in model.parameters()]


def variational_autoencoder(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc21, self.fc22 = nn.Linear(16, 8), nn.Linear(8, 3), nn.Linear(8, 3)
            self.fc3, self.fc4 = nn.Linear(3, 8), nn.Linear(8, 16)

        def forward(self, x, eps):
            h = F.relu(self.fc1(x.view(-1, 16)))
            mu, logvar = self.fc21(h), self.fc22(h)
            z = mu + eps * torch.exp(0.5 * logvar)
            return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar

    model, x, eps = numbers.fill(VAE()), torch.sigmoid(numbers.normal(5, 1, 4, 4)), numbers.normal(5, 3)

    def loss():
        recon, mu, logvar = model(x, eps)
        bce = F.binary_cross_entropy(recon, x.view(-1, 16), reduction="sum")
        return bce + -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    return numbers.train(torch.optim.Adam(model.parameters(), lr=1e-3), loss), weights(model)


def adversarial_networks(torch, numbers):
    nn = torch.nn
    G = nn.Sequential(
        nn.ConvTranspose2d(4, 6, 4, 1, 0, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(True),
        nn.ConvTranspose2d(6, 1, 4, 2, 1),
        nn.Tanh(),
    )
    D = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(4, 1, 4), nn.Sigmoid())

    def init(m):
        name = m.__class__.__name__
        if name.find("Conv") != -1:
            m.weight.data.copy_(numbers.normal(*m.weight.shape, scale=0.1))
            if m.bias is not None:
                nn.init.constant_(m.bias.data, 0)
        elif name.find("BatchNorm") != -1:
            m.weight.data.fill_(1.02)
            m.bias.data.zero_()

    G.apply(init)
    D.apply(init)
    criterion, losses = nn.BCELoss(), []
    optD = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optG = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    real, label = torch.tanh(numbers.normal(3, 1, 8, 8)), torch.full((3,), 1.0)
    for _ in range(2):
        noise = numbers.normal(3, 4, 1, 1)
        D.zero_grad()
        label.fill_(1)
        errD_real = criterion(D(real).view(-1), label)
        errD_real.backward()
        fake = G(noise)
        label.fill_(0)
        errD_fake = criterion(D(fake.detach()).view(-1), label)
        errD_fake.backward()
        optD.step()
        G.zero_grad()
        label.fill_(1)
        errG = criterion(D(fake).view(-1), label)
        errG.backward()
        optG.step()
        losses += [(errD_real + errD_fake).item(), errG.item()]
    return losses, weights(G, D)


def gradient_penalty(torch, numbers):
    nn = torch.nn
    D = numbers.fill(nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1)))
    for p in D.parameters():
        p.grad = None
    real, fake, alpha = numbers.normal(6, 4), numbers.normal(6, 4), torch.sigmoid(numbers.normal(6, 1)).expand(6, 4)
    between = torch.autograd.Variable(alpha * real + (1 - alpha) * fake, requires_grad=True)
    scores = D(between)
    gradients = torch.autograd.grad(
        outputs=scores,
        inputs=between,
        grad_outputs=torch.ones(scores.size()),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    penalty = ((gradients.view(6, -1).norm(2, dim=1) - 1) ** 2).mean() * 10
    loss = D(fake).mean() - D(real).mean() + penalty
    loss.backward()
    for p in D.parameters():
        p.data.clamp_(-0.3, 0.3)
    return loss, penalty, [p.grad for p in D.parameters()], weights(D)


def denoising_diffusion(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    steps = 10
    betas = torch.linspace(1e-4, 0.02, steps)
    alphas = 1.0 - betas
    bar = torch.cumprod(alphas, axis=0)
    before = F.pad(bar[:-1], (1, 0), value=1.0)
    variance = betas * (1.0 - before) / (1.0 - bar)

    def extract(a, t, shape):
        return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(shape) - 1)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.time, self.down, self.mid = nn.Embedding(steps, 4), nn.Conv2d(1, 4, 3, 2, 1), nn.GroupNorm(2, 4)
            self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(4, 1, 3, padding=1))

        def forward(self, x, t):
            h = self.mid(self.down(x)) + self.time(t)[:, :, None, None]
            return self.up(F.silu(h))

    net, x0 = numbers.fill(Net()), numbers.normal(3, 1, 4, 4)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    t, noise = numbers.integers(steps, 3), numbers.normal(3, 1, 4, 4)
    xt = extract(bar.sqrt(), t, x0.shape) * x0 + extract((1 - bar).sqrt(), t, x0.shape) * noise
    losses = numbers.train(optimizer, lambda: F.huber_loss(net(xt, t), noise))
    x = numbers.normal(2, 1, 4, 4)
    with torch.no_grad():
        for i in reversed(range(steps)):
            now = torch.full((2,), i, dtype=torch.long)
            mean = extract(alphas.rsqrt(), now, x.shape) * (
                x - extract(betas / (1 - bar).sqrt(), now, x.shape) * net(x, now)
            )
            x = mean if i == 0 else mean + extract(variance, now, x.shape).sqrt() * 0.1
    return losses, x


def style_and_content(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    features = numbers.fill(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 6, 3))
    )
    for p in features.parameters():
        p.requires_grad = False

    def gram(x):
        a, b, c, d = x.size()
        f = x.view(a * b, c * d)
        return torch.mm(f, f.t()).div(a * b * c * d)

    kept = {}
    handles = [m.register_forward_hook(lambda m, i, o, n=n: kept.__setitem__(n, o)) for n, m in enumerate(features)]
    content, style = numbers.normal(1, 3, 8, 8), numbers.normal(1, 3, 8, 8)
    features(style)
    wanted = gram(kept[0]).detach()
    features(content)
    kept_content = kept[3].detach()
    image = content.clone().requires_grad_(True)
    optimizer, losses = torch.optim.LBFGS([image], max_iter=4, history_size=5), []

    def closure():
        image.data.clamp_(-3, 3)
        optimizer.zero_grad()
        features(image)
        loss = 1e2 * F.mse_loss(gram(kept[0]), wanted) + F.mse_loss(kept[3], kept_content)
        tv = (image[:, :, 1:] - image[:, :, :-1]).abs().mean() + (image[..., 1:] - image[..., :-1]).abs().mean()
        (loss + 0.01 * tv).backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    for h in handles:
        h.remove()
    return losses[0], len(losses) > 1, image.grad is not None


def segmentation(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = (
                nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"),
                nn.Conv2d(4, 8, 3, padding=2, dilation=2),
            )
            self.pool, self.up = nn.MaxPool2d(2, return_indices=False), nn.ConvTranspose2d(8, 4, 2, stride=2)
            self.out = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            a = F.elu(self.a(x))
            up = self.up(F.hardswish(self.b(self.pool(a))))
            up = F.interpolate(up, size=a.shape[-2:], mode="bilinear", align_corners=False)
            return self.out(torch.cat((a, up), dim=1))

    net, x, y = numbers.fill(UNet()), numbers.normal(2, 1, 6, 6), numbers.integers(2, 2, 6, 6)

    def loss():
        logits = net(x)
        probs = logits.softmax(1)
        target = F.one_hot(y, 2).permute(0, 3, 1, 2).type_as(probs)
        inter = (probs * target).sum(dim=(0, 2, 3))
        dice = 1 - ((2 * inter + 1) / (probs.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)).mean()
        ce = F.cross_entropy(logits, y, reduction="none")
        focal = ((1 - torch.exp(-ce)) ** 2 * ce).mean()
        return dice + focal

    return numbers.train(torch.optim.RAdam(net.parameters(), lr=0.01), loss), weights(net)


def adversarial_examples(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    model = numbers.fill(nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))).eval()
    x, y, delta = numbers.normal(4, 6), numbers.integers(3, 4), torch.zeros(4, 6, requires_grad=True)
    for _ in range(3):
        F.cross_entropy(model(x + delta), y).backward()
        delta.data = (delta + 0.1 * delta.grad.detach().sign()).clamp(-0.25, 0.25)
        delta.data = torch.max(torch.min(1 - x, delta.data), -1 - x)
        delta.grad.zero_()
    return delta, model(x + delta)


def heat_map_of_a_class(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    body, head = numbers.fill(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), nn.Linear(4, 3))
    x = numbers.normal(1, 1, 6, 6)
    maps = body(x)
    maps.retain_grad()
    maps.register_hook(lambda g: g * 1.0)
    score = head(maps.mean((2, 3)))[:, 1]
    score.backward()
    alpha = maps.grad.mean(dim=(2, 3), keepdim=True)
    cam = F.relu((alpha * maps).sum(1, keepdim=True))
    cam = F.interpolate(cam, (6, 6), mode="bicubic", align_corners=True)
    cam = (cam - cam.amin()) / (cam.amax() - cam.amin() + 1e-8)
    return score, cam


def spatial_transformer(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    loc = numbers.fill(nn.Sequential(nn.Flatten(1), nn.Linear(25, 6)))
    loc[1].bias.data.copy_(torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float))
    x = numbers.normal(2, 1, 5, 5).requires_grad_()
    theta = loc(x).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(x.size()), align_corners=False)
    out = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    out.square().sum().backward()
    return out, x.grad, [p.grad for p in loc.parameters()]
