"""The same small program in the imperative and in the declarative style, and its gradients.

Imperative: NumPy runs each line at once, and the gradient is written by hand.  Declarative: the
framework gets a graph and differentiates that.  stagec takes the imperative program and writes
the gradient as NumPy source.
"""

import numpy as np

import stagec


def program(x, y, z):
    a = x * y
    b = a + z
    c = np.sum(b)
    return c  # noqa: RET504 - one line a step, as in the comparison


def gradients_by_hand(x, y, z):
    """What one writes with NumPy alone: the chain rule, line by line, backwards."""
    grad_c = 1.0
    grad_b = grad_c * np.ones(x.shape)
    grad_a = grad_b.copy()
    grad_z = grad_b.copy()
    grad_x = grad_a * y
    grad_y = grad_a * x
    return grad_x, grad_y, grad_z


class Leaf:
    """An array that asks for its gradient, as in PyTorch: `Leaf(array)`, `.grad` afterwards."""

    def __init__(self, data):
        self.data = data
        self.grad = None


def backward(function, *leaves):
    """`c = function(x, y, z); c.backward()` in the PyTorch style, with stagec behind it."""
    numbers = tuple(range(len(leaves)))
    value, grads = stagec.value_and_grad(function, argnums=numbers)(*(v.data for v in leaves))
    for leaf, grad in zip(leaves, grads, strict=True):
        leaf.grad = grad
    return value


def main():
    rng = np.random.default_rng(0)
    x, y, z = (Leaf(rng.normal(size=(3, 4))) for _ in range(3))
    c = backward(program, x, y, z)
    expected = gradients_by_hand(x.data, y.data, z.data)
    for leaf, grad in zip((x, y, z), expected, strict=True):
        np.testing.assert_allclose(leaf.grad, grad)
    np.testing.assert_allclose(c, program(x.data, y.data, z.data))
    print(stagec.grad(program, argnums=(0, 1, 2)).source(x.data, y.data, z.data))
    print("the gradients written by stagec equal those written by hand")


if __name__ == "__main__":
    main()
