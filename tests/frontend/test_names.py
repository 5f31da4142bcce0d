"""What generated code calls the values that a program gives no name."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec as sc

X = np.arange(3.0)


def slope(place: Any, speed: Any) -> Any:
    return place * speed - place**3


def step(x: Any, v: Any, h: Any) -> Any:
    first = slope(x, v)
    second = slope(x + h * first, v)
    return np.sum(x + h / 2 * (first + second))


def element(x: Any, i: Any) -> Any:
    return x[i] * x[i - 1]


def neighbours(x: Any, n: Any) -> Any:
    total = 0.0
    for i in range(1, n):
        total += element(x, i + 1)
    return total


def named_by_the_caller(x: Any) -> Any:
    wide = 2 * x
    return slope(wide, 3.0)


def once(x: Any) -> Any:
    return scaled(x + 1)


def scaled(place: Any) -> Any:
    return 3 * place


def test_what_is_given_to_a_parameter_is_called_so():
    text = sc.grad(step).source(X, X, 0.1)
    assert "    place = x + h * first\n" in text
    assert "place_bar" in text
    text = sc.jit(step).source(X, X, 0.1)
    assert "    place = x + h * first\n" in text


def test_names_of_the_caller_come_first():
    text = sc.jit(named_by_the_caller).source(X)
    assert "wide" in text
    assert "place" not in text


def test_what_needs_no_variable_gets_none():
    assert sc.jit(once).source(X).count("place") == 0
    text = sc.jit(neighbours).source(X, 2)
    assert "i + 1" in text
    assert sc.jit(neighbours)(np.arange(4.0), 3) == neighbours(np.arange(4.0), 3)


class Track:
    """An object whose fields change in a loop."""

    def __init__(self, x: Any) -> None:
        self.place = 0.1 * x
        self.speed = 2.0 * x


def test_lists_and_fields_that_loops_change_keep_their_names() -> None:
    def run(x: Any, steps: int) -> Any:
        track, best = Track(x), {"reach": 0.0}
        places = []
        corners = []
        for k in range(steps):
            track.speed = np.cos(track.place)
            track.place = track.place + track.speed
            best["reach"] = max(best["reach"], np.sum(track.place))
            places.append(np.sum(track.place))
            corners.append((k, np.sum(track.speed)))
        return track.place, np.array(places), best["reach"], corners

    text = sc.jit(run).source(np.ones(3), 4)
    assert "places.append(" in text
    assert "return place, np.array(places), reach, corners_0, corners_1" in text
    assert "corners_0.append(k)" in text
