"""Calls staged as functions of their own: `stagec.frontend.tracing`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec


class Momentum:
    """An optimiser that makes its state when it first meets a parameter."""

    def __init__(self) -> None:
        self.m: dict[str, Any] = {}

    def update(self, params: dict[str, Any], grads: dict[str, Any]) -> dict[str, Any]:
        for k in params:
            self.m[k] = 0.9 * self.m.get(k, 0.0) + grads[k]
            params[k] = params[k] - 0.1 * self.m[k]
        return params


def trained(x: Any, y: Any, steps: int) -> Any:
    """What the loop leaves in the optimiser differs without trips, but nothing needs it."""
    opt = Momentum()
    params = {"w": np.zeros(x.shape[1]), "b": 0.0}
    for _ in range(steps):
        r = x @ params["w"] + params["b"] - y
        params = opt.update(params, {"w": x.T @ r / len(y), "b": np.mean(r)})
    return np.mean((x @ params["w"] + params["b"] - y) ** 2)


def nested(x: Any, y: Any, steps: int) -> Any:
    """The same in a function that staged code differentiates."""

    def inner(z: Any) -> Any:
        return trained(x, z, steps) * 2

    return np.sum(stagec.grad(inner)(y) * y)


@pytest.mark.parametrize("steps", [0, 4])
@pytest.mark.parametrize("program", [trained, nested])
def test_state_left_behind(program: Any, steps: int) -> None:
    """Objects that only the call itself has need no common type."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=6)
    y_bar = stagec.grad(program, argnums=1)(x, y, steps)

    def value(z: Any) -> Any:
        return stagec.jit(program)(x, z, steps)

    for k, unit in enumerate(np.eye(6) * 1e-5):
        slope = (value(y + unit) - value(y - unit)) / 2e-5
        assert y_bar[k] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def kept(x: Any) -> Any:
    """A function that outlives the call that made what it captures."""
    found: list[Any] = []

    def inner(z: Any) -> Any:
        state: dict[str, Any] = {}
        if z > 1:
            state["k"] = z * 2
        else:
            state["j"] = z * 3
        held = z * 5
        found.append(lambda: held + len(state))
        return z * z

    slope = stagec.grad(inner)(x)
    return slope + len(found)


def test_functions_kept() -> None:
    """Where functions may need what is left behind, nothing is forgotten."""
    with pytest.raises(stagec.StagecError, match="SC410"):
        stagec.jit(kept)(2.0)
