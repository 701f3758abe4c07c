"""A perceptron and a convolutional network on scanned digits, the same loop for both. Needs scikit-learn."""

from sklearn.datasets import load_digits

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.data import DataLoader, TensorDataset, random_split


def perceptron() -> nn.Module:
    """64 greys to 10 logits by way of 128."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def convolutional() -> nn.Module:
    """Two convolutions, each halving the image."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def main(make=perceptron, epochs: int = 10) -> float:
    """Return the share of unseen digits that the trained model names."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images / 16 - 0.3, dtype=torch.float32).unsqueeze(1)  # (1797, 1, 8, 8)
    train, test = random_split(TensorDataset(images, torch.tensor(digits.target)), [1437, 360])
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for x, y in DataLoader(train, batch_size=64, shuffle=True):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    x, y = next(iter(DataLoader(test, batch_size=len(test))))
    with torch.no_grad():
        return (model(x).argmax(-1) == y).float().mean().item()


if __name__ == "__main__":
    print(f"perceptron {main():.1%}, convolutional {main(convolutional):.1%}")
