"""Bad programs and arguments each get one clear error with a location, and change nothing."""

import linecache
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import stagec as sc
from tests.errors.programs import BAD


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Fail if the block takes longer."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def load(name: str, source: str) -> dict[str, Any]:
    """The namespace of a module with the source, registered so that it can be found."""
    file = f"<bad {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = {"np": np, "sc": sc, "Z": np.ones(5)}
    exec(compile(source, file, "exec"), space)
    return space


def run(mode: str, f: Any, args: tuple[Any, ...]) -> Any:
    match mode:
        case "jit":
            return sc.jit(f)(*args)
        case "grad":
            return sc.grad(f)(*args)
        case "grad5":
            return sc.grad(f, argnums=5)(*args)
        case "gradname":
            return sc.grad(f, argnames="nothing")(*args)
        case "aux":
            return sc.grad(f, has_aux=True)(*args)
        case "jvp1":
            return sc.jvp(f, args, (1.0,))
        case "jvpint":
            return sc.jvp(f, args, (1.0,))
        case "jvpshape":
            return sc.jvp(f, args, (np.ones((2, 2)),))
        case "vjptree":
            return sc.vjp(f, *args)[1]((1.0, 2.0, 3.0))
        case "vjpdict":
            return sc.vjp(f, *args)[1]({"b": 1.0})
        case _:
            raise AssertionError(mode)


def test_there_are_sixty() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    source, arguments, mode, expected = BAD[name]
    space = load(name, source)
    args = eval(f"({arguments})", space)
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    with limit(20), pytest.raises(Exception) as caught:  # noqa: PT011
        run(mode, space["f"], args)
    error = caught.value
    if expected.startswith("SC"):
        assert isinstance(error, sc.StagecError), repr(error)
        assert error.code.startswith(expected), str(error)
        assert error.help, "a refusal says what to do"
        if expected not in ("SC404", "SC501") and mode == "jit":
            assert f"<bad {name}>:" in str(error), str(error)
            assert "^" in str(error)
    else:
        assert type(error).__name__ == expected, repr(error)
    for was, now in zip(before, args, strict=True):
        if isinstance(was, np.ndarray):
            np.testing.assert_array_equal(now, was)


def test_edited_file(tmp_path: Any) -> None:
    import importlib.util

    file = tmp_path / "edited.py"
    file.write_text("def f(x):\n    return x * 2\n\n\ndef g(x):\n    return x * 3\n")
    spec = importlib.util.spec_from_file_location("edited", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    file.write_text("def g(x):\n    return x * 30\n")
    with pytest.raises(sc.StagecError) as caught:
        sc.jit(module.g)(1.0)
    assert caught.value.code == "SC201"


def test_missing_source() -> None:
    space: dict[str, Any] = {}
    exec(compile("\n".join(["def f(x):", "    return x"]), "<nowhere>", "exec"), space)
    with pytest.raises(sc.StagecError) as caught:
        sc.jit(space["f"])(1.0)
    assert caught.value.code == "SC202"


def test_not_a_function() -> None:
    with pytest.raises(sc.StagecError, match="needs a function"):
        sc.jit(3)  # type: ignore[arg-type]


def test_unknown_backend() -> None:
    with pytest.raises(sc.StagecError, match="no backend"):
        sc.jit(lambda x: x, backend="fortran")


def test_exact_text() -> None:
    source = "def f(x):\n    y = np.sum(x, axis=3)\n    return y\n"
    space = load("exact", source)
    with pytest.raises(sc.StagecError) as caught:
        sc.jit(space["f"])(np.ones((2, 3)))
    assert str(caught.value) == (
        "<bad exact>:2:9: SC322: sum: axis 3 does not fit an array of rank 2\n"
        "        y = np.sum(x, axis=3)\n"
        "            ^^^^^^^^^^^^^^^^^\n"
        "help: check the argument against the supported signature"
    )
