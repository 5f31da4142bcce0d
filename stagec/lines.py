"""Lines of Python for the functions that are written at run time."""

from __future__ import annotations


def guarded(guards: list[str], reads: list[str], body: list[str]) -> list[str]:
    """The body, run if the guards hold, after the captured values are read.

    A place that is gone raises; the long way finds out what that means.
    """
    if not guards and not reads:
        return body
    return [
        "try:",
        "    held = (",
        *indented(indented(joined(guards or ["True"]))),
        "    )",
        *indented(reads),
        "except Exception:",
        "    held = False",
        "if held:",
        *indented(body),
    ]


def joined(tests: list[str]) -> list[str]:
    """The lines of a condition that holds if all tests do."""
    return [tests[0], *(f"and {test}" for test in tests[1:])]


def indented(lines: list[str]) -> list[str]:
    """The lines one level deeper."""
    return [f"    {line}" for line in lines]
