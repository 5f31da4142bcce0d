"""Gauss-Seidel relaxation of a Poisson problem, and its gradient with respect to the source.

The sweep updates the grid in place; so does the generated adjoint, without a tape.
"""

import numpy as np

import stagec


def relax(u, source, sweeps):
    """Gauss-Seidel sweeps for -laplace(u) = source on a unit grid, in place."""
    for _ in range(sweeps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                # each point sees its neighbours' newest values
                u[i, j] = (
                    u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] + source[i, j]
                ) / 4
    return u


def misfit(source, target, sweeps):
    """Half the squared distance between the relaxed grid and a measured one."""
    u = np.zeros(target.shape)
    u = relax(u, source, sweeps)
    return 0.5 * np.sum((u - target) ** 2)


def main():
    n, sweeps = 10, 30
    rng = np.random.default_rng(0)
    truth = np.zeros((n, n))
    truth[3:5, 4:7] = 1.0
    target = relax(np.zeros((n, n)), truth, sweeps)
    gradient = stagec.value_and_grad(misfit)

    source = np.zeros((n, n))
    _, slope = gradient(source, target, sweeps)
    direction = rng.normal(size=(n, n))
    step = 1e-5
    difference = misfit(source + step * direction, target, sweeps)
    difference -= misfit(source - step * direction, target, sweeps)
    np.testing.assert_allclose(np.sum(slope * direction), difference / (2 * step), rtol=1e-6)

    first = misfit(source, target, sweeps)
    for _ in range(60):
        value, slope = gradient(source, target, sweeps)
        source = source - 0.02 * slope
    print(f"misfit {first:.4f} before, {value:.4f} after 60 gradient steps")
    assert value < 0.2 * first


if __name__ == "__main__":
    main()
