"""Handwritten digits: a network in plain NumPy on scikit-learn's 1,797 scanned 8x8 images."""

import itertools
import sys

import numpy as np
from sklearn.datasets import load_digits

import stagec

EPOCHS, BATCH, RATE, MOMENTUM = 30, 32, 0.1, 0.9


def log_softmax(t):
    t = t - np.max(t, axis=1, keepdims=True)
    return t - np.log(np.sum(np.exp(t), axis=1, keepdims=True))


def predict(params, images):
    h = images
    for layer in params[:-1]:
        h = np.tanh(h @ layer["weights"] + layer["bias"])
    last = params[-1]
    return log_softmax(h @ last["weights"] + last["bias"])


def loss(params, images, labels):
    scores = predict(params, images)
    return -np.mean(scores[np.arange(len(labels)), labels])


def make_params(sizes, rng):
    """A list of layers, each a dict of weights and bias."""
    return [
        {"weights": rng.normal(size=(n, m)) / np.sqrt(n), "bias": np.zeros(m)}
        for n, m in itertools.pairwise(sizes)
    ]


def progress(done, total, text):
    """Draw a progress bar over the last one."""
    filled = 30 * done // total
    sys.stdout.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {text}")
    sys.stdout.write("\n" if done == total else "")
    sys.stdout.flush()


def train(params, images, labels, rng):
    """Stochastic gradient descent with momentum, in place."""
    step = stagec.value_and_grad(loss)
    speed = [{k: np.zeros_like(v) for k, v in layer.items()} for layer in params]
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        total = 0.0
        for start in range(0, len(images), BATCH):
            batch = order[start : start + BATCH]
            value, grads = step(params, images[batch], labels[batch])
            total += value * len(batch)
            for layer, moving, grad in zip(params, speed, grads, strict=True):
                for k in layer:
                    moving[k] = MOMENTUM * moving[k] - RATE * grad[k]
                    layer[k] = layer[k] + moving[k]
        progress(epoch + 1, EPOCHS, f"loss {total / len(images):.4f}")
    return params


def main():
    images, labels = load_digits(return_X_y=True)
    images = images / 16.0
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    training, test = order[:1437], order[1437:]
    params = train(make_params((64, 64, 10), rng), images[training], labels[training], rng)
    right = np.mean(np.argmax(predict(params, images[test]), axis=1) == labels[test])
    print(f"test accuracy {right:.1%} on {len(test)} images")
    assert right >= 0.96


if __name__ == "__main__":
    main()
