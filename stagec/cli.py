"""The command line: `stagec show|ir|run|cache`, one short function a sub-command.

Exit codes: 0 done, 1 the user's program is at fault, 2 wrong usage, 3 the compiler is.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import inspect
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stagec_runtime as rt
from stagec import __version__, api
from stagec.errors import InternalError, StagecError
from stagec.specs import Spec, example

DONE, USER, INTERNAL = 0, 1, 3


class FailedProgram(Exception):
    """The user's program raised what is the cause of this."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command with these arguments, `sys.argv`'s by default."""
    options = parser().parse_args(argv)
    try:
        options.command(options)
    except StagecError as error:
        sys.stderr.write(f"{error}\n")
        return USER
    except FailedProgram as error:
        traceback.print_exception(error.__cause__)
        return USER
    except InternalError:
        traceback.print_exc()
        sys.stderr.write("this is a bug in stagec: please report it\n")
        return INTERNAL
    return DONE


def parser() -> argparse.ArgumentParser:
    """The parser; `command` is the function of the sub-command chosen."""
    top = argparse.ArgumentParser(
        "stagec", description="Compile and differentiate NumPy programs."
    )
    top.add_argument("--version", action="version", version=f"stagec {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="print the generated source of a function")
    ir = commands.add_parser("ir", help="print the graph of a function")
    for command, run in ((show, show_command), (ir, ir_command)):
        command.set_defaults(command=run)
        command.add_argument("target", metavar="FILE:FUNC")
        command.add_argument("--grad", action="store_true", help="of its gradient")
        command.add_argument("--backend", default="numpy", help="numpy or numba")
        command.add_argument("--stage", help='of the graph: "staged", "optimised" or a pass')
        command.add_argument(
            "args", nargs="*", metavar="ARG", help='such as "f64[n,3]", float, 3'
        )
    show.add_argument("--ir", action="store_true", help="print the graph instead")
    run = commands.add_parser("run", help="run a Python file")
    run.set_defaults(command=run_command)
    run.add_argument("file", metavar="FILE")
    run.add_argument("args", nargs=argparse.REMAINDER, metavar="ARG")
    cache = commands.add_parser("cache", help="show what is kept between processes")
    cache.set_defaults(command=cache_command)
    cache.add_argument("--clear", action="store_true", help="remove it")
    return top


def show_command(options: argparse.Namespace) -> None:
    """Print the generated source, or with `--ir` or `--stage` the graph."""
    if options.ir or options.stage:
        ir_command(options)
    else:
        sys.stdout.write(target(options).source(*map(argument, options.args)))


def ir_command(options: argparse.Namespace) -> None:
    """Print the graph."""
    stage = options.stage or "optimised"
    sys.stdout.write(str(target(options).ir(*map(argument, options.args), stage=stage)))


def run_command(options: argparse.Namespace) -> None:
    """Run a file as `python FILE` would."""
    before = sys.argv
    sys.argv = [options.file, *options.args]
    sys.path.insert(0, str(Path(options.file).resolve().parent))
    try:
        runpy.run_path(existing(options.file), run_name="__main__")
    except (StagecError, InternalError):
        raise
    except Exception as error:
        raise FailedProgram from error
    finally:
        sys.argv = before
        del sys.path[0]


def cache_command(options: argparse.Namespace) -> None:
    """Print where machine code is kept and how much there is, or with `--clear` remove it."""
    store = rt.store()
    if store.root is None:
        sys.stdout.write(f"nothing is kept: {store.why}\n")
        return
    if options.clear:
        store.clear()
    entries, size = store.usage()
    sys.stdout.write(f"{store.root}: {entries} files, {size / 2**20:.1f} MiB\n")


def existing(file: str) -> str:
    """The name of a file that exists."""
    if not Path(file).is_file():
        raise StagecError("SC801", f"there is no file {file}", None, "check the path")
    return file


def target(options: argparse.Namespace) -> Any:
    """The staged function that `FILE:FUNC` names, or its gradient."""
    file, colon, name = options.target.rpartition(":")
    if not colon:
        raise StagecError(
            "SC802", f"{options.target!r} names no function", None, "write FILE:FUNC"
        )
    module = load(existing(file))
    fun = vars(module).get(name)
    if not callable(fun):
        raise StagecError(
            "SC802", f"{file} has no function {name!r}", None, "name a function of the module"
        )
    if inspect.isfunction(fun):
        try:
            inspect.signature(fun).bind(*options.args)
        except TypeError as error:
            wanted = f"give one ARG for each parameter of {name}{inspect.signature(fun)}"
            raise StagecError("SC802", f"{name}: {error}", None, wanted) from None
    make = api.grad if options.grad else api.jit
    return make(fun, backend=options.backend)


def load(file: str) -> Any:
    """The module in a file; its folder is searched for what it imports."""
    path = Path(file).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise StagecError("SC801", f"{file} is not a Python file", None, "name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except (StagecError, InternalError):
        raise
    except Exception as error:
        raise FailedProgram from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def argument(text: str) -> Any:
    """The argument that the text stands for: a spec, or a tree of Python literals."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return example(Spec(text))
