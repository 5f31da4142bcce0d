"""`python -m tests.fuzz N [--seed S]`: judge N random programs; shrink what fails.

With NUMBA_DISABLE_JIT=1 in the environment, `--backend numba` runs its kernels as Python: that
tries its passes without compiling, in a tenth of the time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.generate import program
from tests.fuzz.judge import Verdict, judge
from tests.fuzz.mixed_judge import judge_mixture
from tests.fuzz.mixtures import mixture
from tests.fuzz.nests import nest
from tests.fuzz.shrink import shrink, write


def say(text: str) -> None:
    """Write a line at once: runs are long."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tried(seed: int, options: argparse.Namespace) -> tuple[str, Verdict]:
    """The program with this seed, and the verdict on it."""
    if options.mixtures:
        text = mixture(seed)
        return text, judge_mixture(text, seed, options.backend)
    text = nest(seed) if options.nests else program(seed)
    return text, judge(text, seed, backend=options.backend)


def main(arguments: list[str]) -> int:
    """Judge the programs; 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--keep", action="store_true", help="do not shrink")
    parser.add_argument("--nests", action="store_true", help="programs of nested loops")
    parser.add_argument("--mixtures", action="store_true", help="programs of all dtypes")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    verdicts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in range(options.seed, options.seed + options.count):
        text, verdict = tried(seed, options)
        verdicts[verdict.kind] += 1
        if verdict.kind == "refused":
            reasons[verdict.stage] += 1
            first = verdict.detail.strip().splitlines()
            say(f"seed {seed} refused: {' | '.join(first)}")
        if verdict.kind == "raises":
            say(f"seed {seed} raises: {verdict.detail}")
        if verdict.kind == "mismatch":
            say(f"seed {seed} MISMATCH {verdict.stage}: {verdict.detail}")
            if not options.keep and not options.mixtures:
                text = shrink(text, seed, verdict, options.backend)
            say(f"written to {write(options.out, text, seed, verdict)}")
    spent = time.perf_counter() - started
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(verdicts.items()))
    say(f"{options.count} programs: {counts}; refusals {dict(reasons)}; {spent:.0f} s")
    return 1 if verdicts["mismatch"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
