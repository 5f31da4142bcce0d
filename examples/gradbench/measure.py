"""A table of times: compilation, each function, and the ratio of a derivative to its function.

The best of several runs is shown, since other programs only ever add time; quote ratios of one
run of this table.
"""

import time

from examples.gradbench.protocol import EVALS, Tool
from examples.gradbench.workloads import WORKLOADS

ROW = "{:<9} {:<21} {:<10} {:>9} {:>11} {:>6}"


def best(function, arguments, seconds=1.0):
    """The shortest time of a call, in seconds."""
    times, end = [], time.perf_counter() + seconds
    while not times or (time.perf_counter() < end and len(times) < 1000):
        begin = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - begin)
    return min(times)


def main(names, backend):
    """Print the table for the evals (all of them if none is named)."""
    print(ROW.format("eval", "workload", "function", "compile s", "time ms", "ratio"))
    for name in names or EVALS:
        tool = Tool(backend, ahead=False)
        begin = time.perf_counter()
        defined = tool.answer({"id": 0, "kind": "define", "module": name})
        if not defined["success"]:
            raise SystemExit(defined["error"])
        label, message = WORKLOADS[name]
        arguments = tool.module.prepare(message)
        for function in tool.functions.values():
            tool.compile(function, arguments)
        compiled = f"{time.perf_counter() - begin:.1f}"
        first = None
        for key, function in tool.functions.items():
            taken = best(function, arguments)
            first = first or taken
            row = (name, label, key, compiled, f"{1e3 * taken:.3f}", f"{taken / first:.2f}")
            print(ROW.format(*row), flush=True)
            compiled = ""
    return 0
