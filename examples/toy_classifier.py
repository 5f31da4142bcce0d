"""Three classes of points in the plane, told apart by a small network in plain NumPy.

The class regions before and after ten epochs are saved as PNG.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import stagec

POINTS, HIDDEN, CLASSES, EPOCHS, RATE, BATCH = 100, 16, 3, 10, 1.0, 5


def make_points(rng):
    """100 points in three arms of a spiral, and their classes."""
    label = rng.integers(CLASSES, size=POINTS)
    radius = rng.uniform(0.3, 1.0, size=POINTS)
    angle = label * 2 * np.pi / CLASSES + 0.8 * radius + rng.normal(scale=0.1, size=POINTS)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) * 3.0, label


def sigmoid(t):
    return 1.0 / (1.0 + np.exp(-t))


def log_softmax(t):
    t = t - np.max(t, axis=1, keepdims=True)
    return t - np.log(np.sum(np.exp(t), axis=1, keepdims=True))


def forward(params, xs):
    W1, b1, W2, b2 = params
    h = sigmoid(xs @ W1 + b1)
    return log_softmax(h @ W2 + b2)


def loss(params, xs, labels):
    scores = forward(params, xs)
    # the mean negative log-likelihood of the right classes
    return -np.mean(scores[np.arange(len(labels)), labels])


def accuracy(params, xs, labels):
    return np.mean(np.argmax(forward(params, xs), axis=1) == labels)


def plot(path, params, xs, labels, title):
    """Save the class regions and the points."""
    grid = np.linspace(-3.5, 3.5, 200)
    plane = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    regions = np.argmax(forward(params, plane), axis=1).reshape(200, 200)
    figure, axes = plt.subplots(figsize=(4, 4))
    axes.contourf(grid, grid, regions, levels=[-0.5, 0.5, 1.5, 2.5], alpha=0.3)
    axes.scatter(xs[:, 0], xs[:, 1], c=labels, edgecolors="k", s=20)
    axes.set_title(title)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of the pictures")
    out = parser.parse_args().out
    rng = np.random.default_rng(3)
    xs, labels = make_points(rng)
    params = (
        rng.normal(size=(2, HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(size=(HIDDEN, CLASSES)) * 0.1,
        np.zeros(CLASSES),
    )
    before = accuracy(params, xs, labels)
    plot(out / "toy_before.png", params, xs, labels, f"before: {before:.0%}")
    step = stagec.value_and_grad(loss)
    for epoch in range(EPOCHS):
        order = rng.permutation(POINTS)
        for batch in order.reshape(-1, BATCH):
            value, grads = step(params, xs[batch], labels[batch])
            params = tuple(p - RATE * g for p, g in zip(params, grads, strict=True))
        print(f"epoch {epoch + 1}: loss {value:.3f}, right {accuracy(params, xs, labels):.0%}")
    after = accuracy(params, xs, labels)
    plot(out / "toy_after.png", params, xs, labels, f"after: {after:.0%}")
    print(f"right before {before:.0%}, after {after:.0%}")
    assert after >= 0.95


if __name__ == "__main__":
    main()
