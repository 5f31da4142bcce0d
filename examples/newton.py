"""Newton's method with a data-dependent `while`, and the derivative of the root it finds."""

import numpy as np

import stagec


def kepler(mean, eccentricity):
    """The eccentric anomaly E with E - eccentricity * sin(E) = mean."""
    E = mean
    step = 1.0
    while abs(step) > 1e-14:
        step = (E - eccentricity * np.sin(E) - mean) / (1 - eccentricity * np.cos(E))
        E = E - step
    return E


def main():
    mean, eccentricity = 0.8, 0.3
    E, (by_mean, by_eccentricity) = stagec.value_and_grad(kepler, argnums=(0, 1))(
        mean, eccentricity
    )
    # the implicit function theorem gives both derivatives in closed form
    slope = 1 / (1 - eccentricity * np.cos(E))
    np.testing.assert_allclose(by_mean, slope, rtol=1e-10)
    np.testing.assert_allclose(by_eccentricity, slope * np.sin(E), rtol=1e-10)
    print(f"E = {E:.12f}, dE/dM = {by_mean:.12f}, dE/de = {by_eccentricity:.12f}")


if __name__ == "__main__":
    main()
