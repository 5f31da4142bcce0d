"""The tool's side of the GradBench protocol: one JSON message a line, one answer each."""

import contextlib
import importlib
import json
import sys
import time
import traceback

import numpy as np

EVALS = (
    "hello", "llsq", "lse", "det", "ode", "gmm", "lstm", "kmeans", "ht", "ba", "particle",
    "saddle",
)  # fmt: skip


def plain(value):
    """The value as JSON has it."""
    match value:
        case dict():
            return {key: plain(part) for key, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case np.ndarray() | np.generic():
            return value.tolist()
        case _:
            return value


class Tool:
    """Answers messages; `functions` are those of the eval that was defined last.

    `ahead`: compile at `define` what is a program of its own for each size that the eval asks
    for.  For plain NumPy that would take long and save nothing.
    """

    def __init__(self, backend, ahead=True):
        self.backend = backend
        self.ahead = ahead and backend != "numpy"
        self.module = None
        self.functions = {}
        self.compiled = set()

    def answer(self, message):
        """The answer to a message."""
        kinds = {"start": self.start, "define": self.define, "evaluate": self.evaluate}
        found = kinds.get(message["kind"], lambda message: {})
        return {"id": message["id"], **found(message)}

    def start(self, message):
        return {"tool": "stagec"}

    def define(self, message):
        """Compile the functions of an eval, for each kind of input that it has."""
        name = message["module"]
        if name not in EVALS:
            return {"success": False, "error": f"{name} is not implemented"}
        begin = time.perf_counter_ns()
        try:
            self.module = importlib.import_module(f"examples.gradbench.{name}")
            self.functions = self.module.functions(self.backend)
            wanted = getattr(self.module, "WANTED", []) if self.ahead else []
            for sample in [*samples(self.module), *wanted]:
                for function in self.functions.values():
                    self.compile(function, self.module.prepare(sample))
        except Exception:
            return {"success": False, "error": traceback.format_exc()}
        return {"success": True, "timings": [timing("compile", begin)]}

    def compile(self, function, arguments):
        """Call the function once if its code for such arguments has not run yet."""
        version = function.compiled(*arguments)
        if version in self.compiled:
            return False
        function(*arguments)
        self.compiled.add(version)
        return True

    def evaluate(self, message):
        """Run a function as often as asked for."""
        begin = time.perf_counter_ns()
        value = message["input"]
        repeat = value if isinstance(value, dict) else {}
        try:
            function = self.functions[message["function"]]
            arguments = self.module.prepare(value)
            compiled = self.compile(function, arguments)
            timings = [timing("compile" if compiled else "prepare", begin)]
            result, runs = timed(
                function, arguments, repeat.get("min_runs", 1), repeat.get("min_seconds", 0)
            )
            answer = getattr(self.module, "answer", lambda function, result: result)
            output = plain(answer(message["function"], result))
        except Exception:
            return {"success": False, "error": traceback.format_exc()}
        return {"success": True, "output": output, "timings": [*timings, *runs]}


def samples(module):
    """Inputs like those of the eval."""
    return module.samples() if hasattr(module, "samples") else module.SAMPLES


def timing(name, begin):
    return {"name": name, "nanoseconds": time.perf_counter_ns() - begin}


def timed(function, arguments, min_runs, min_seconds):
    """The last result, and a timing for each run."""
    runs, seconds = [], 0.0
    while len(runs) < min_runs or seconds < min_seconds:
        begin = time.perf_counter_ns()
        result = function(*arguments)
        runs.append(timing("evaluate", begin))
        seconds += runs[-1]["nanoseconds"] / 1e9
    return result, runs


def serve(lines, write, backend):
    """Answer every line with a line until there are no more."""
    tool = Tool(backend)
    for line in lines:
        with contextlib.redirect_stdout(sys.stderr):
            answer = tool.answer(json.loads(line))
        try:
            text = json.dumps(answer, allow_nan=False)
        except ValueError as error:  # NaN and infinity are not JSON
            text = json.dumps({"id": answer["id"], "success": False, "error": str(error)})
        write(text + "\n")
