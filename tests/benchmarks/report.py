"""The figures as Markdown, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.supervise import Result
from tests.benchmarks.workload import Workload
from tests.benchmarks.workloads import WORKLOADS

COLUMNS = ("stagec", "numba", "numpy", "jax", "torch", "autograd")
TITLES = {
    "stagec": "stagec", "numba": "Numba by hand", "numpy": "NumPy", "jax": "JAX",
    "torch": "PyTorch", "autograd": "autograd",
}  # fmt: skip
# what holds for every workload
FORWARD_WITHIN = {"forward / numba forward": 1.2}
SPREAD = 1.3


@dataclass(frozen=True)
class Verdict:
    """A figure beside what it must be, and what it is with loops by hand in stagec's place."""

    what: str
    wanted: str
    found: str
    by_hand: str
    met: bool | None  # None: could not be measured


def verdicts(workload: Workload, result: Result) -> Iterator[Verdict]:
    """What was to be shown, at the largest size that was measured."""
    sizes = sorted(result.times)
    if not sizes:
        yield Verdict("", "", "nothing was measured", "-", None)
        return
    times = result.times[sizes[-1]]
    for key, least in workload.faster_than.items():
        name, kind = key.split()
        found, by_hand = (
            _ratio(_time(times, key), _time(times, k)) for k in (kind, f"numba {kind}")
        )
        yield Verdict(
            f"faster than {TITLES.get(name, name)}, {kind}", f"{least:g}x", _x(found),
            _x(by_hand, "-"), None if found is None else found >= least,
        )  # fmt: skip
    for key, most in {**FORWARD_WITHIN, **workload.within}.items():
        found = _figure(times, key, "stagec")
        if found is None and key in FORWARD_WITHIN:
            continue
        by_hand = None if " numba " in key else _figure(times, key, "numba")
        met = None if found is None else found <= most
        yield Verdict(key, f"at most {most:g}", _x(found), _x(by_hand, "-"), met)
    key = "derivative / forward"
    ours, by_hand = (
        [r for r in (_figure(result.times[s], key, name) for s in sizes) if r]
        for name in ("stagec", "numba")
    )
    if len(ours) > 1:
        spread = max(ours) / min(ours)
        text, other = (" ".join(f"{r:.2g}" for r in ratios) for ratios in (ours, by_hand))
        yield Verdict(
            f"{key} by size", f"spread {SPREAD:g}", text, other or "-", spread <= SPREAD
        )


def _figure(times: dict[str, dict[str, float]], key: str, own: str) -> float | None:
    """The ratio that the key names, of `own` runs where no others are named."""
    over, under = (k if " " in k else f"{own} {k}" for k in key.split(" / "))
    return _ratio(_time(times, over), _time(times, under))


def _time(times: dict[str, dict[str, float]], key: str) -> float | None:
    """The time of "jax forward"; of "forward", stagec's."""
    name, _, kind = key.rpartition(" ")
    return times.get(name or "stagec", {}).get(kind)


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under


def _x(ratio: float | None, missing: str = "not measured") -> str:
    return missing if ratio is None else f"{ratio:.3g}"


def line(workload: Workload, result: Result) -> str:
    """A workload in a line of text."""
    parts = [workload.name]
    if result.times:
        size = max(result.times)
        for name, runs in result.times[size].items():
            shown = " / ".join(_seconds(runs.get(k)) for k in ("forward", "derivative"))
            parts.append(f"{name} {shown}")
    return "  ".join([*parts, *(f"[{f}]" for f in result.failures)])


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def write(folder: Path, machine: dict[str, Any], found: dict[str, Result]) -> None:
    """Write benchmarks.md, benchmarks.json and, with Matplotlib, benchmarks.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"machine": machine, "workloads": {k: asdict(r) for k, r in found.items()}}
    (folder / "benchmarks.json").write_text(json.dumps(data, indent=1) + "\n")
    drawn = picture(folder / "benchmarks.svg", found)
    (folder / "benchmarks.md").write_text(markdown(machine, found, drawn))


def markdown(machine: dict[str, Any], found: dict[str, Result], drawn: bool) -> str:
    """The page."""
    parts = [
        "# Benchmarks",
        "",
        "Written by `python -m tests.benchmarks --peers`; read ratios, not times. A derivative",
        "is value and gradient, or value and pullback. Peers run in one process with stagec,",
        "in turn, in their best form: compiled where they compile, in double precision,",
        "arguments that are no floating-point arrays constant for JAX. Numba by hand is one",
        "thread; the column `by hand` has what was found with it in stagec's place, which is",
        "what the machine allows. A run over a second is measured once and not made at larger",
        "sizes.",
        "",
        *(f"- {key}: {value}" for key, value in machine.items()),
        "",
    ]
    if drawn:
        parts += ["![Derivatives of peers over those of stagec](benchmarks.svg)", ""]
    parts += ["## What was to be shown", "", *_targets(found), ""]
    parts += ["## Times", "", *_times(found), ""]
    parts += ["## First calls and memory", "", *_firsts(found), ""]
    failures = [f"- {name}, {text}" for name, r in found.items() for text in r.failures]
    if failures:
        parts += ["## What failed", "", *failures, ""]
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _targets(found: dict[str, Result]) -> list[str]:
    rows = [
        [
            name,
            v.what,
            v.wanted,
            v.found,
            v.by_hand,
            {True: "yes", False: "no", None: "-"}[v.met],
        ]
        for name, result in found.items()
        for v in verdicts(WORKLOADS[name], result)
    ]
    return _table(["workload", "what", "wanted", "found", "by hand", "met"], rows)


def _times(found: dict[str, Result]) -> list[str]:
    rows: list[list[str]] = []
    for name, result in found.items():
        for size, times in sorted(result.times.items()):
            for kind in ("forward", "derivative"):
                cells = [_seconds(times.get(c, {}).get(kind)) for c in COLUMNS]
                wrong = [
                    c for c in COLUMNS
                    if kind == "derivative" and _differs(result.errors.get(size, {}), c)
                ]  # fmt: skip
                cells = [
                    f"{text} (differs)" if c in wrong else text
                    for c, text in zip(COLUMNS, cells, strict=True)
                ]
                rows.append([name, str(size), kind, *cells])
    return _table(["workload", "size", "run", *(TITLES[c] for c in COLUMNS)], rows)


def _differs(errors: dict[str, float | None], name: str) -> bool:
    """Whether results differ from stagec's by more than rounding in single precision."""
    if name not in errors:
        return False
    error = errors[name]
    return error is None or error > 1e-3


def _firsts(found: dict[str, Result]) -> list[str]:
    head = ["workload"]
    head += [f"{TITLES[c]}, first call" for c in ("stagec", "numba", "jax")]
    head += [f"{TITLES[c]}, MB" for c in ("stagec", "numpy", "jax", "torch")]
    rows = [
        [
            name,
            *(
                _seconds(r.first.get(c, {}).get("derivative"))
                for c in ("stagec", "numba", "jax")
            ),
            *(_megabytes(r.memory.get(c)) for c in ("stagec", "numpy", "jax", "torch")),
        ]
        for name, r in found.items()
    ]
    ratios = [
        f
        for r in found.values()
        if (f := _ratio(*(r.first.get(c, {}).get("derivative") for c in ("stagec", "jax"))))
    ]
    lines = _table(head, rows)
    if ratios:
        lines += ["", f"Median of stagec's first derivative over JAX's: {median(ratios):.2g}."]
    return lines


def _megabytes(value: int | None) -> str:
    return "-" if value is None else f"{value / 1e6:.3g}"


def picture(path: Path, found: dict[str, Result]) -> bool:
    """Draw how much longer each peer's derivative takes; False without Matplotlib."""
    try:
        matplotlib = import_module("matplotlib")
    except ImportError:
        return False
    matplotlib.use("svg")
    plt = import_module("matplotlib.pyplot")
    names = [n for n, r in found.items() if r.times][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.27 * len(names) + 1.2))
    for peer in COLUMNS[1:]:
        points: list[tuple[float, int]] = []
        for k, name in enumerate(names):
            times = found[name].times[max(found[name].times)]
            ratio = _ratio(_time(times, f"{peer} derivative"), _time(times, "derivative"))
            if ratio is not None:
                points.append((ratio, k))
        if points:
            axes.plot(*zip(*points, strict=True), "o", label=TITLES[peer], alpha=0.8)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("time of the derivative over stagec's, at the largest size")
    axes.grid(axis="x", alpha=0.3)
    if axes.has_data() and names:
        axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return True
