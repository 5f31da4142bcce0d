"""Train a small network on scanned handwritten digits, with gradients that stagec writes.

The data are the 1,797 images of scikit-learn's digits; the model is plain NumPy.
"""

from itertools import pairwise

import numpy as np
from sklearn.datasets import load_digits

import stagec


def scores(layers, x):
    """The scores of the ten classes, one row an image."""
    for w, b in layers[:-1]:
        x = np.tanh(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def loss(layers, x, y):
    """The mean cross entropy."""
    s = scores(layers, x)
    s = s - s.max(axis=1, keepdims=True)
    normaliser = np.log(np.sum(np.exp(s), axis=1))
    return np.mean(normaliser - s[np.arange(len(y)), y])


def start(sizes, rng):
    """Random layers of the given sizes."""
    return [(rng.normal(size=(m, n)) / np.sqrt(m), np.zeros(n)) for m, n in pairwise(sizes)]


def train(layers, x, y, rng, epochs=20, batch=64, rate=0.3):
    """The layers after gradient descent on random batches."""
    step = stagec.value_and_grad(loss)
    for epoch in range(epochs):
        order = rng.permutation(len(y))
        total = 0.0
        for k in range(0, len(y) - batch + 1, batch):
            rows = order[k : k + batch]
            value, slopes = step(layers, x[rows], y[rows])
            layers = [
                (w - rate * dw, b - rate * db)
                for (w, b), (dw, db) in zip(layers, slopes, strict=True)
            ]
            total += value
        print(f"epoch {epoch + 1:2d}   mean loss {total / (len(y) // batch):.4f}")
    return layers


def main():
    """Train on 1,500 images, report the accuracy on the others, show the gradient's source."""
    rng = np.random.default_rng(0)
    x, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    x, y = x[order] / 16.0, y[order]
    layers = train(start([64, 48, 10], rng), x[:1500], y[:1500], rng)
    right = np.mean(np.argmax(scores(layers, x[1500:]), axis=1) == y[1500:])
    print(f"accuracy on {len(y) - 1500} images not trained on: {right:.1%}")
    print("\nThe gradient, as stagec wrote it:\n")
    print(stagec.grad(loss).source(layers, x[:64], y[:64]))


if __name__ == "__main__":
    main()
