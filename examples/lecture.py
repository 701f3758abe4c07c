"""What autograd is, in one page: a graph that is recorded, walked backward, and walked again."""

import autograd_gpu as torch


def main() -> dict[str, float]:
    """Return some derivatives, by name."""
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = (x**2).sum()  # recorded as it is computed
    print(y.grad_fn, "<-", y.grad_fn.next_functions[0][0])
    y.backward()  # dy/dx = 2x
    print("gradient", x.grad)

    z = torch.tensor(1.5, requires_grad=True)
    (first,) = torch.autograd.grad(z**4, z, create_graph=True)  # the gradient is recorded too
    (second,) = torch.autograd.grad(first, z)
    print("first and second derivative of z^4", first.item(), second.item())

    with torch.no_grad():  # nothing is recorded here
        step = x - 0.1 * x.grad
    print("a step down", step, step.requires_grad)

    directional = torch.func.jvp(lambda v: (v**2).sum(), (x.detach(),), (torch.ones(2),))[1]
    return {"gradient": x.grad[1].item(), "second": second.item(), "directional": directional.item()}


if __name__ == "__main__":
    print(main())
