"""`particle`: the charge that brings a particle down nearest to the origin."""

import numpy as np

import stagec
from examples.gradbench.descent import GRADIENT, minimise


def landing(w, acceleration):
    """The square of where a particle crosses the axis, with a charge moved by w."""
    charges = np.array([[10.0, 10.0 - w], [10.0, 0.0]])
    position, velocity, dt = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
    while True:
        change = acceleration(position, charges)
        position = position + dt * velocity
        if position[1] <= 0:
            back = -position[1] / velocity[1]
            return (position[0] + back * velocity[0]) ** 2
        velocity = velocity + dt * change


def potential(position, charges):
    return np.sum(1 / np.sqrt(np.sum((position - charges) ** 2, axis=1)))


def optimum(w, outer, inner):
    """The best w near the given one, with derivatives in the modes `outer` and `inner`."""
    force = GRADIENT[inner](potential)

    def objective(w):
        return landing(w, lambda position, charges: -force(position, charges))

    return minimise(objective, GRADIENT[outer](objective), w)


def functions(backend):
    return {
        modes: stagec.jit(
            lambda w, outer=modes[0], inner=modes[1]: optimum(w, outer, inner), backend=backend
        )
        for modes in ("rr", "ff", "fr", "rf")
    }


def prepare(message):
    return (float(message["w"]),)


SAMPLES = [{"w": 0.2072}]  # near the optimum: one step tells that it is near enough
