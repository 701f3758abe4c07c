"""A GPT that learns a sentence by heart, byte by byte, and says it. `autograd-gpu train gpt` is this in earnest."""

import autograd_gpu as torch
from autograd_gpu.training.gpt_model import GPT

TEXT = b"the quick brown fox jumps over the lazy dog. "


def main(steps: int = 150) -> str:
    """Return what the model writes after the sentence's first word."""
    torch.manual_seed(0)
    text = torch.tensor(list(TEXT * 3))
    model = GPT(vocabulary=256, context=64, layers=1, heads=2, width=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        starts = torch.randint(len(TEXT), (8,)).tolist()
        windows = torch.stack([text[start : start + 49] for start in starts])
        loss = model.loss(windows[:, :-1], windows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return bytes(model.generate([list(TEXT[:4])], len(TEXT) - 4, temperature=0)[0]).decode(errors="replace")


if __name__ == "__main__":
    print(main())
