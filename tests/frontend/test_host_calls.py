"""Clocks, logs and warnings: called when the program runs, not at staging."""

from __future__ import annotations

import datetime
import io
import logging
import time
import warnings
from typing import Any

import numpy as np
import pytest

import stagec as sc

DAY = datetime.date(2000, 1, 1)
log = logging.getLogger("tests.frontend.host_calls")
TARGET = io.StringIO()


def logged(x: Any) -> Any:
    total = 0.0
    for i, v in enumerate(x):
        total += v
        log.info("step %d: %.2f %s", i, total, (i, 2))
        if log.isEnabledFor(logging.DEBUG):
            log.debug(f"{total} of {x.shape}")
    logging.getLogger("tests.frontend.host_calls").warning("done after %s", len(x))
    return total


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_logs(backend: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    staged = sc.jit(logged, backend=backend)
    caplog.set_level(level, log.name)
    x = np.arange(3.0)
    for f in (staged, staged, sc.grad(logged, backend=backend)):
        caplog.clear()
        logged(x)
        expected = [(r.levelno, r.getMessage()) for r in caplog.records if r.name == log.name]
        caplog.clear()
        f(x)
        assert expected == [
            (r.levelno, r.getMessage()) for r in caplog.records if r.name == log.name
        ]


def warned(x: Any) -> Any:
    for k in range(3):
        if x > k:
            warnings.warn(f"{x} > {k}", RuntimeWarning, stacklevel=2)
    return 2 * x


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_warnings(backend: str) -> None:
    staged = sc.jit(warned, backend=backend)
    for x in (-1.0, 1.0, 2.0):
        with warnings.catch_warnings(record=True) as expected:
            warnings.simplefilter("always")
            warned(x)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assert staged(x) == 2 * x
        assert [(w.category, str(w.message)) for w in found] == [
            (w.category, str(w.message)) for w in expected
        ]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_clocks(backend: str) -> None:
    @sc.jit(backend=backend)
    def slept(x: Any) -> Any:
        begun = time.perf_counter()
        time.sleep(x)
        return time.perf_counter() - begun, time.time_ns()

    first, at = slept(0.001)
    second, later = slept(0.01)
    assert first >= 0.001
    assert second >= 0.01
    assert later > at


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_printed_elsewhere(backend: str) -> None:
    @sc.jit(backend=backend)
    def printed(x: Any) -> Any:
        print("x is", x, file=TARGET, end=";")
        return x

    TARGET.seek(0)
    TARGET.truncate()
    printed(1.0)
    printed(2.0)
    assert TARGET.getvalue() == "x is 1.0;x is 2.0;"


def test_refused() -> None:
    with pytest.raises(sc.StagecError, match="SC361"):
        sc.jit(lambda x: x * datetime.datetime.now().year)(1.0)
    with pytest.raises(sc.StagecError, match="SC323"):
        sc.jit(lambda x: log.info("%s", DAY) or x)(1.0)
    with pytest.raises(sc.StagecError, match="SC368"):
        sc.jit(lambda x: log.info("%s", x, exc_info=True) or x)(1.0)
