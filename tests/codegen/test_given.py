"""Objects that generated text mentions: it runs by itself where they can be had again."""

import logging
import random
import time
import warnings
from typing import Any

import numpy as np
import pytest

import stagec

LOG = logging.getLogger("stagec.test.given")
DRAWN = random.Random(3)


def timed(x: Any) -> Any:
    start = time.perf_counter()
    logging.debug("from %s", x[0])
    LOG.debug("a value: %s", x[1], stacklevel=2)
    warnings.warn("take care", UserWarning, 1)
    y = x * 2
    return y, time.perf_counter() - start


def random_(x: Any) -> Any:
    perf_counter = x + 1
    return perf_counter * random.random() + DRAWN.random() + time.perf_counter()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_saved_text_runs_by_itself(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    text = stagec.jit(timed, backend=backend).source(np.arange(3.0))
    space: dict[str, Any] = {}
    exec(compile(text, "saved", "exec"), space)
    with caplog.at_level(logging.DEBUG, LOG.name), pytest.warns(UserWarning, match="take care"):
        y, seconds = space["timed"](np.arange(3.0))
    np.testing.assert_array_equal(y, np.arange(3.0) * 2)
    assert 0 <= seconds < 60
    assert [r.getMessage() for r in caplog.records if r.name == LOG.name] == ["a value: 1.0"]
    assert "from time import perf_counter" in text
    assert f"getLogger({LOG.name!r})" in text


def test_what_cannot_be_had_again_is_said() -> None:
    text = stagec.jit(random_).source(1.0)
    assert "is given: a method of an object of Random" in text
    assert "from random import random" in text
    assert stagec.jit(random_)(1.0) > 0


def test_the_same_text_each_time() -> None:
    first, second = (stagec.jit(timed).source(np.arange(3.0)) for _ in range(2))
    assert first == second
