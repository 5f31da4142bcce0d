"""The times as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from examples.gradbench.workloads import WORKLOADS

COLUMNS = {"numba": "stagec, Numba", "numpy": "stagec, NumPy", "NumPy": "NumPy", "C++": "C++"}
COLUMNS |= {"JAX": "JAX", "PyTorch": "PyTorch"}


def table(found: Mapping[str, Sequence[Sequence[object]]]) -> str:
    """A line for each eval and function: milliseconds, a peer's as multiples of ours too."""
    head = ["eval", "workload", "function", "derivative/function", *COLUMNS.values()]
    lines = [head, ["---"] * 3 + ["---:"] * (len(head) - 3)]
    for name, rows in found.items():
        times = {(str(who), str(key)): float(ms) for who, key, ms in rows}  # type: ignore[arg-type]
        keys = list(dict.fromkeys(key for _, key in times))
        for k, key in enumerate(keys):
            ratio = ratios(times, keys) if k == 1 and len(keys) == 2 else ""
            label = [name, WORKLOADS[name][0]] if k == 0 else ["", ""]
            lines.append([*label, key, ratio, *(cell(times, who, key) for who in COLUMNS)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def ratios(times: Mapping[tuple[str, str], float], keys: Sequence[str]) -> str:
    """The derivative's time over the function's, on both targets."""
    first, second = keys
    found = [
        f"{times[who, second] / times[who, first]:.1f}"
        for who in ("numba", "numpy")
        if (who, second) in times
    ]
    return ", ".join(found)


def cell(times: Mapping[tuple[str, str], float], who: str, key: str) -> str:
    """A time; behind that of a peer, how many times ours on Numba it is."""
    if (who, key) not in times:
        return ""
    ms = times[who, key]
    text = f"{ms:.3g}" if ms < 1000 else f"{ms:.0f}"
    if who in ("numba", "numpy") or ("numba", key) not in times:
        return text
    return f"{text} ({ms / times['numba', key]:.1f}x)"
