"""A pendulum integrated by a Runge-Kutta scheme, its length fitted to measurements."""

import numpy as np

import stagec

GRAVITY = 9.81  # m/s^2


def swing(length, angle, steps, dt):
    """Angles in rad of a pendulum of `length` in m, released at `angle`, every `dt` s."""

    def acceleration(theta):
        return -GRAVITY / length * np.sin(theta)

    theta, omega = angle, 0.0
    angles = []
    for _ in range(steps):
        k1, l1 = omega, acceleration(theta)
        k2, l2 = omega + dt / 2 * l1, acceleration(theta + dt / 2 * k1)
        k3, l3 = omega + dt / 2 * l2, acceleration(theta + dt / 2 * k2)
        k4, l4 = omega + dt * l3, acceleration(theta + dt * k3)
        theta = theta + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        omega = omega + dt / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
        angles.append(theta)
    return angles


def misfit(length, measured, angle, dt):
    angles = swing(length, angle, len(measured), dt)
    return np.mean((np.array(angles) - measured) ** 2)


def main():
    rng = np.random.default_rng(0)
    true_length, angle, dt = 1.3, 1.0, 0.02
    measured = np.array(swing(true_length, angle, 100, dt)) + rng.normal(scale=0.01, size=100)
    gradient = stagec.value_and_grad(misfit)
    length = 1.0
    for _ in range(200):
        value, slope = gradient(length, measured, angle, dt)
        length -= 0.2 * slope
    print(f"length {length:.4f} m (true {true_length} m), rms error {np.sqrt(value):.4f} rad")
    assert abs(length - true_length) < 0.01


if __name__ == "__main__":
    main()
