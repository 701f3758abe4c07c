"""Products in float16, everything delicate in float32, and a scale that keeps small gradients from becoming 0."""

import autograd_gpu as torch
from autograd_gpu import nn


def main(steps: int = 60, device: str = "cpu") -> tuple[float, float, float]:
    """Return the loss before and after, and the scale at the end."""
    torch.manual_seed(0)
    x = torch.randn(128, 8, device=device)
    y = x[:, :1] * x[:, 1:2]
    model = nn.Sequential(nn.Linear(8, 64), nn.GELU(), nn.Linear(64, 1)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scaler = torch.amp.GradScaler(device)
    losses = []
    for _ in range(steps):
        with torch.autocast(device, torch.float16):
            loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)  # not taken where a gradient is infinite
        scaler.update()
        losses.append(loss.item())
    return losses[0], losses[-1], scaler.get_scale()


if __name__ == "__main__":
    print(main())
