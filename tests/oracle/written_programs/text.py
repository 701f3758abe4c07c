"""Language models, translation, classification of words."""

import math

from .numbers_given import weights


def small_gpt(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    class Attention(nn.Module):
        def __init__(self, width, heads, length):
            super().__init__()
            self.key, self.query, self.value = (nn.Linear(width, width) for _ in range(3))
            self.proj, self.heads = nn.Linear(width, width), heads
            self.register_buffer("mask", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

        def forward(self, x):
            B, T, C = x.size()
            k, q, v = (
                f(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for f in (self.key, self.query, self.value)
            )
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
            return self.proj(y.transpose(1, 2).contiguous().view(B, T, C))

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.ln1, self.ln2, self.attn = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, 2, 8)
            self.mlp = nn.ModuleDict(dict(up=nn.Linear(width, 4 * width), down=nn.Linear(4 * width, width)))

        def forward(self, x):
            x = x + self.attn(self.ln1(x))
            return x + self.mlp["down"](F.gelu(self.mlp.up(self.ln2(x)), approximate="tanh"))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.pos = nn.Embedding(11, 8), nn.Parameter(torch.zeros(1, 8, 8))
            self.blocks, self.head = nn.Sequential(*[Block(8) for _ in range(2)]), nn.Linear(8, 11, bias=False)
            self.head.weight = self.wte.weight

        def forward(self, idx, targets=None):
            x = self.blocks(self.wte(idx) + self.pos[:, : idx.size(1), :])
            logits = self.head(x)
            loss = (
                None
                if targets is None
                else F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1), ignore_index=-1)
            )
            return logits, loss

    model = numbers.fill(GPT())
    decay = {n for n, p in model.named_parameters() if p.dim() >= 2}
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decay], "weight_decay": 0.1},
        {"params": [p for n, p in model.named_parameters() if n not in decay], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    data = numbers.integers(11, 3, 9)
    data[0, 5:] = -1
    x, y = data[:, :-1].clamp(min=0), data[:, 1:]
    losses = numbers.train(optimizer, lambda: model(x, y)[1])
    model.eval()
    idx = torch.zeros((1, 1), dtype=torch.long)
    with torch.inference_mode():
        for _ in range(5):
            logits, _ = model(idx[:, -8:])
            logits = logits[:, -1, :] / 0.8
            v, _ = torch.topk(logits, min(3, logits.size(-1)))
            logits[logits < v[:, [-1]]] = -float("Inf")
            idx = torch.cat((idx, F.softmax(logits, dim=-1).argmax(-1, keepdim=True)), dim=1)
    return losses, idx, len(list(model.named_parameters())), sum(p.numel() for p in model.parameters())


def bigrams(torch, numbers):
    F = torch.nn.functional
    N = torch.zeros((5, 5), dtype=torch.int32)
    for a, b in zip("abcdeabca", "bcdeabcab"):
        N["abcde".index(a), "abcde".index(b)] += 1
    P = (N + 1).float()
    P /= P.sum(1, keepdims=True)
    W = numbers.normal(5, 5).requires_grad_(True)
    xs, ys = torch.tensor([0, 1, 2, 3]), torch.tensor([1, 2, 3, 4])
    losses = []
    for _ in range(4):
        xenc = F.one_hot(xs, num_classes=5).float()
        counts = (xenc @ W).exp()
        probs = counts / counts.sum(1, keepdims=True)
        loss = -probs[torch.arange(4), ys].log().mean() + 0.01 * (W**2).mean()
        W.grad = None
        loss.backward()
        W.data += -5 * W.grad
        losses.append(loss.item())
    return P, losses, W


def characters_by_lstm(torch, numbers):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.rnn = (
                nn.Embedding(7, 5, padding_idx=0),
                nn.LSTM(5, 6, num_layers=2, batch_first=True, dropout=0.0),
            )
            self.fc = nn.Linear(6, 7)

        def init_hidden(self, n):
            weight = next(self.parameters()).data
            return (weight.new(2, n, 6).zero_(), weight.new(2, n, 6).zero_())

        def forward(self, x, hidden):
            out, hidden = self.rnn(self.emb(x), hidden)
            return self.fc(out.contiguous().view(-1, 6)), hidden

    net = numbers.fill(Net())
    optimizer, hidden, losses = torch.optim.RMSprop(net.parameters(), lr=0.01), net.init_hidden(2), []
    text = numbers.integers(7, 2, 13)
    for start in range(0, 12, 4):
        hidden = tuple(h.detach() for h in hidden)
        optimizer.zero_grad()
        out, hidden = net(text[:, start : start + 4], hidden)
        loss = nn.CrossEntropyLoss()(out, text[:, start + 1 : start + 5].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.25)
        optimizer.step()
        losses.append(loss.item())
    return losses, hidden, weights(net)


def padded_sentences(torch, numbers):
    nn = torch.nn
    rnn, head = numbers.fill(nn.GRU(4, 5, bidirectional=True), nn.Linear(10, 3))
    sentences = [numbers.normal(n, 4) for n in (6, 2, 4)]
    packed = nn.utils.rnn.pack_sequence(sentences, enforce_sorted=False)
    out, last = rnn(packed)
    padded, lengths = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, padding_value=-1.0)
    mask = torch.arange(padded.size(1))[None, :] < lengths[:, None]
    pooled = (padded * mask.unsqueeze(-1)).sum(1) / lengths.unsqueeze(1)
    loss = nn.functional.nll_loss(
        head(pooled).log_softmax(1), torch.tensor([0, 1, 2]), weight=torch.tensor([1.0, 2.0, 3.0])
    )
    loss.backward()
    return loss, lengths, last, padded, [p.grad for p in rnn.parameters()]


def attention_translation(torch, numbers):
    nn, F = torch.nn, torch.nn.functional

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.cell = nn.Embedding(9, 6), nn.GRUCell(12, 6)
            self.Wa, self.Ua, self.Va, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1), nn.Linear(6, 9)

        def step(self, token, h, keys):
            scores = self.Va(torch.tanh(self.Wa(h).unsqueeze(1) + self.Ua(keys))).squeeze(2).unsqueeze(1)
            context = torch.bmm(F.softmax(scores, -1), keys).squeeze(1)
            return self.cell(torch.cat((self.emb(token), context), 1), h)

    encoder, source, decoder = numbers.fill(nn.GRU(6, 6, batch_first=True), nn.Embedding(9, 6), Decoder())
    params = [*encoder.parameters(), *source.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(params, lr=0.01, amsgrad=True)
    src, tgt = numbers.integers(9, 3, 5), numbers.integers(9, 3, 4)

    def loss():
        keys, h = encoder(source(src))
        h, token, total = h[0], torch.empty(3, dtype=torch.long).fill_(1), 0
        for t in range(4):
            h = decoder.step(token, h, keys)
            logits = decoder.out(h)
            total += F.cross_entropy(logits, tgt[:, t], label_smoothing=0.1)
            token = tgt[:, t] if t % 2 == 0 else logits.topk(1)[1].squeeze(-1).detach()
        return total / 4

    return numbers.train(optimizer, loss), weights(encoder, source, decoder)


def transformer_translation(torch, numbers):
    nn = torch.nn
    model = numbers.fill(nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True, norm_first=True))
    src, tgt = numbers.normal(2, 5, 8), numbers.normal(2, 4, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    pad = torch.tensor([[False] * 5, [False, False, False, True, True]])
    optimizer = torch.optim.NAdam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) ** -0.5, (step + 1) * 4**-1.5))
    losses = []
    for _ in range(3):
        out = model(src, tgt, tgt_mask=mask, src_key_padding_mask=pad, memory_key_padding_mask=pad, tgt_is_causal=True)
        loss = nn.SmoothL1Loss(beta=0.5)(out, tgt)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses += [loss.item(), scheduler.get_last_lr()[0]]
    return losses, weights(model)


def words_by_negative_samples(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    center, context = numbers.fill(nn.Embedding(12, 4), nn.Embedding(12, 4))
    optimizer = torch.optim.Adagrad(
        [{"params": center.parameters()}, {"params": context.parameters(), "lr": 0.5}], lr=0.1
    )
    c, o, n = numbers.integers(12, 6), numbers.integers(12, 6), numbers.integers(12, 6, 3)

    def loss():
        v = center(c)
        positive = F.logsigmoid((v * context(o)).sum(1))
        negative = F.logsigmoid(-torch.bmm(context(n), v.unsqueeze(2)).squeeze(2)).sum(dim=1)
        return -(positive + negative).mean()

    losses = numbers.train(optimizer, loss)
    norms = center.weight / center.weight.norm(p=2, dim=-1, keepdim=True)
    return losses, (norms @ norms.T).fill_diagonal_(-1).max(dim=1)


def bags_of_words(torch, numbers):
    nn = torch.nn
    bag, fc = numbers.fill(nn.EmbeddingBag(20, 6, mode="mean"), nn.Linear(6, 4))
    text, offsets = numbers.integers(20, 15), torch.tensor([0, 4, 4, 9])
    optimizer = torch.optim.SGD([*bag.parameters(), *fc.parameters()], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(fc(bag(text, offsets)), torch.tensor([0, 3, 1, 2]))
        loss.backward()
        nn.utils.clip_grad_value_(bag.parameters(), 0.1)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses, bag.weight.detach(), optimizer.param_groups[0]["lr"]


def convolutions_over_words(torch, numbers):
    nn, F = torch.nn, torch.nn.functional
    emb = nn.Embedding.from_pretrained(numbers.normal(15, 6), freeze=False, padding_idx=2)
    convs, fc = numbers.fill(nn.ModuleList([nn.Conv2d(1, 3, (k, 6)) for k in (2, 3)]), nn.Linear(6, 2))
    ids = numbers.integers(15, 4, 7)
    x = emb(ids).unsqueeze(1)
    x = [F.relu(conv(x)).squeeze(3) for conv in convs]
    x = torch.cat([F.max_pool1d(i, i.size(2)).squeeze(2) for i in x], 1)
    loss = F.multi_margin_loss(fc(x), torch.tensor([0, 1, 1, 0]), margin=0.5)
    loss.backward()
    return loss, emb.weight.grad, [p.grad for p in convs.parameters()]
