"""Linear regression: the length of a part on its width, from noisy measurements."""

import numpy as np

import stagec

TRUE_SLOPE, TRUE_OFFSET = 2.5, 4.0


def measure(count, rng):
    """Widths in mm and noisy lengths in mm of `count` parts."""
    width = rng.uniform(1.0, 10.0, size=count)
    length = TRUE_SLOPE * width + TRUE_OFFSET + rng.normal(scale=0.3, size=count)
    return width, length


def loss(params, width, length):
    slope, offset = params
    error = slope * width + offset - length
    return np.mean(error**2)


def fit(width, length, steps=2000, rate=0.02):
    """Slope and offset by gradient descent."""
    step = stagec.value_and_grad(loss)
    params = (0.0, 0.0)
    for _ in range(steps):
        _, grads = step(params, width, length)
        params = tuple(p - rate * g for p, g in zip(params, grads, strict=True))
    return params


def main():
    width, length = measure(200, np.random.default_rng(1))
    slope, offset = fit(width, length)
    exact = np.polyfit(width, length, 1)
    print(
        f"slope {slope:.4f}, offset {offset:.4f}; least squares {exact[0]:.4f}, {exact[1]:.4f}"
    )
    np.testing.assert_allclose([slope, offset], exact, rtol=1e-4)


if __name__ == "__main__":
    main()
