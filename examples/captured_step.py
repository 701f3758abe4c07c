"""A training step recorded once as a CUDA graph, replayed by one call. Without a GPU: AUTOGRAD_GPU_EMULATE=1."""

import autograd_gpu as torch
from autograd_gpu import nn


def main(steps: int = 20) -> tuple[float, float]:
    """Return the loss before and after."""
    torch.manual_seed(0)
    x = torch.randn(64, 4, device="cuda")
    y = x.sum(1, keepdim=True).sin()
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)).to("cuda")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def step():
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    first = step().item()  # makes what is made once: kernels, the optimiser's state
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()  # recorded, not run; `loss` is where each replay leaves its result
    for _ in range(steps):
        graph.replay()
    return first, loss.item()


if __name__ == "__main__":
    print(main())
