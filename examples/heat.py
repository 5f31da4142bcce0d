"""The heat equation with a double buffer; its start recovered from the final state."""

import numpy as np
from scipy.optimize import minimize

import stagec

STEPS, ALPHA = 40, 0.2


def evolve(start, steps, alpha):
    """The temperature after `steps` explicit steps; the ends are kept."""
    u = start.copy()
    new = start.copy()
    for _ in range(steps):
        new[1:-1] = u[1:-1] + alpha * (u[2:] - 2 * u[1:-1] + u[:-2])
        u, new = new, u  # the old buffer is written next
    return u


def misfit(start, measured, steps, alpha):
    final = evolve(start, steps, alpha)
    return np.sum((final - measured) ** 2)


def main():
    x = np.linspace(0.0, 1.0, 41)
    truth = np.sin(np.pi * x) + 0.5 * np.sin(2 * np.pi * x)
    measured = evolve(truth, STEPS, ALPHA)
    found = minimize(
        stagec.value_and_grad(misfit),
        np.zeros_like(x),
        args=(measured, STEPS, ALPHA),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-16, "gtol": 1e-10},
    )
    error = np.max(np.abs(found.x - truth))
    print(f"misfit {found.fun:.2e} after {found.nit} iterations; largest error {error:.1e}")
    assert error < 0.02


if __name__ == "__main__":
    main()
