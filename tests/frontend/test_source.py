"""A function's definition is found wherever it was written, and never another's."""

from __future__ import annotations

import ast
import doctest
import functools
import importlib.util
import linecache
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import gast
import pytest

from stagec.errors import StagecError
from stagec.frontend.source import find

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A function that writes a module and imports it."""

    def load(text: str, name: str = "program") -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        code = compile(path.read_text(), str(path), "exec", dont_inherit=True)
        exec(code, vars(module))
        return module

    return load


def body(function: Any) -> str:
    """The text of the function's last statement."""
    return ast.unparse(gast.gast_to_ast(find(function).node.body[-1]))


def test_module_function(load: Load) -> None:
    module = load("""\
        import math

        def f(x):
            # half of it
            # as asked

            y = x / 2  # not this one
            text = '''
            # nor this
            '''
            if y:
                y = (
                    1 +
                    # inside
                    2
                )
            # otherwise
            else:
                y = 0
            return y
            # at the end
        """)
    found = find(module.f)
    assert (found.line, found.qualname, found.class_name) == (3, "f", None)
    assert found.file == module.f.__code__.co_filename
    assert [type(s) for s in found.node.body] == [
        gast.Assign,
        gast.Assign,
        gast.If,
        gast.Return,
    ]
    assert dict(found.comments) == {
        7: ("# half of it", "# as asked"),
        **dict.fromkeys(range(12, 17), ("# inside",)),
        19: ("# otherwise",),
    }
    assert find(module.f).node is found.node


def test_methods_and_private_names(load: Load) -> None:
    module = load("""\
        class A:
            def m(self): return self.__x
            @staticmethod
            def s(): return 's'
            @classmethod
            def c(cls): return 'c'
            @property
            def p(self): return 'p'
            class B:
                def m(self): return 'inner'
            f = lambda self: 'lambda'
        def make():
            class C:
                def m(self):
                    def inside(): return 'inside'
                    return inside
            return C().m()
        """)
    a = module.A()
    assert body(a.m) == "return self.__x"
    assert find(a.m).class_name == "A"
    assert body(module.A.s) == "return 's'"
    assert body(a.c) == "return 'c'"
    assert body(module.A.p.fget) == "return 'p'"
    assert body(module.A.B.m) == "return 'inner'"
    assert find(module.A.B.m).class_name == "B"
    assert body(a.f) == "return 'lambda'"
    assert find(module.make()).class_name == "C"
    assert find(module.make()).qualname == "make.<locals>.C.m.<locals>.inside"


def test_lambdas_on_one_line(load: Load) -> None:
    module = load("""\
        f, g = lambda x: x + 1, lambda x: x + 2
        nested = lambda x: lambda y: x * y
        twins = [lambda: 0, lambda: 1, lambda k=(lambda: 5): 2, lambda: (lambda: 3), lambda: 0]
        call = (lambda h: h)(lambda: 'arg')
        branch = lambda x: 'a' if x else 'b'
        long = (lambda x:
                x +
                1)
        """)
    assert (body(module.f), body(module.g)) == ("return x + 1", "return x + 2")
    assert body(module.nested) == "return lambda y: x * y"
    assert body(module.nested(1)) == "return x * y"
    assert [body(t)[-1] for t in (*module.twins[:3], module.twins[4])] == ["0", "1", "2", "0"]
    assert find(module.twins[0]).node is not find(module.twins[4]).node
    assert body(module.twins[2].__defaults__[0]) == "return 5"
    assert body(module.twins[3]()) == "return 3"
    assert body(module.call) == "return 'arg'"
    assert body(module.branch) == "return 'a' if x else 'b'"
    assert body(module.long) == "return x + 1"


def test_decorated_function_is_the_wrapper(load: Load) -> None:
    module = load("""\
        import functools
        def double(f):
            @functools.wraps(f)
            def wrapper(*args):
                return 2 * f(*args)
            return wrapper
        def register(f):
            return f
        @register
        @double
        def f(x):
            return x
        @register
        def g(x):
            return -x
        """)
    assert body(module.f) == "return 2 * f(*args)"
    assert body(module.f.__wrapped__) == "return x"
    assert find(module.f.__wrapped__).line == 9
    assert body(module.g) == "return -x"


def test_same_name_twice(load: Load) -> None:
    module = load("""\
        def f(): return 1
        first = f
        if True:
            def f(): return 2
        def maker(k):
            if k:
                def h(): return 'yes'
            else:
                def h(): return 'no'
            return h
        """)
    assert (body(module.first), body(module.f)) == ("return 1", "return 2")
    assert (body(module.maker(1)), body(module.maker(0))) == ("return 'yes'", "return 'no'")


def test_unindented_text_inside(load: Load) -> None:
    module = load(
        "class A:\n    def f(self):\n        t = '''\nno indent\n'''\n        return t\n"
    )
    assert body(module.A().f) == "return t"


def test_function_of_this_module() -> None:
    def local(x: float) -> float:
        assert x > 0, "rewritten by pytest"
        return x

    assert body(local) == "return x"


def test_future_flags(load: Load) -> None:
    module = load("from __future__ import annotations\ndef f(x: Missing):\n    return x\n")
    assert body(module.f) == "return x"
    assert find(module.f).flags != 0


def test_doctest_function() -> None:
    text = ">>> def f(x):\n...     return x + 41\n>>> where(f)\n'return x + 41'\n"
    test = doctest.DocTestParser().get_doctest(text, {"where": body}, "d", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    assert runner.run(test).failed == 0


def register(text: str) -> None:
    lines = [str(line) for line in text.splitlines(keepends=True)]
    linecache.cache["<cell 1>"] = (len(text), None, lines, "<cell 1>")


def test_registered_text() -> None:
    text = "def f(x):\n    return x * 3\n"
    register(text)
    namespace: dict[str, Any] = {}
    exec(compile(text, "<cell 1>", "exec"), namespace)
    assert body(namespace["f"]) == "return x * 3"
    # the notebook cell runs again, changed: the old function no longer has a source
    new = text.replace("3", "4")
    register(new)
    with pytest.raises(StagecError, match="SC201"):
        find(namespace["f"])


def test_unregistered_text_is_an_error() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(StagecError) as caught:
        find(namespace["f"])
    assert caught.value.code == "SC202"
    assert "linecache" in caught.value.help


@pytest.mark.parametrize("value", [len, functools.partial(print), int, 3])
def test_not_a_python_function(value: Any) -> None:
    with pytest.raises(StagecError, match="SC203"):
        find(value)


def test_command_line_text() -> None:
    code = (
        "from stagec.frontend.source import find\n"
        "def f(x): return x + 5\n"
        "print(find(f).node.body[0].value.right.value)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("5\n", "")


EDITS = [
    ("x + 1", "x + 2"),
    ("x + 1", "x + 1.0"),
    ("x + 1", "x - 1"),
    ("x + 1", "y + 1"),
    ("x + 1", "x + True"),
    ("(x)", "(x, z=2)"),
    ("(x)", "(y)"),
    ("def f", "\ndef f"),
    ("def f", "def h"),
    ("lambda: 5", "lambda: 6"),
    ("lambda: 5", "lambda: 5, 6"),
    ("(1, 2.0)", "(1, 2)"),
    ("-0.0", "0.0"),
    ("{1, 2}", "{1, 3}"),
    ("'text'", "'test'"),
    ("return x", "return (x"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_edited_file_is_an_error(load: Load, old: str, new: str) -> None:
    module = load("""\
        def f(x):
            k = lambda: 5
            t = (1, 2.0), -0.0, x in {1, 2}, 'text'
            return x + 1
        """)
    assert find(module.f).line == 1
    path = Path(module.f.__code__.co_filename)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(StagecError) as caught:
        find(module.f)
    assert caught.value.code == "SC201"


def test_edit_that_moves_lambdas_is_an_error(load: Load) -> None:
    module = load("f, g = (lambda x: x + 1), (lambda x: x + 2)\n")
    path = Path(module.f.__code__.co_filename)
    path.write_text("f, g = (lambda x: x + 2), (lambda x: x + 1)\n")
    with pytest.raises(StagecError, match="SC201"):
        find(module.f)


def test_edit_elsewhere_is_accepted(load: Load) -> None:
    module = load("def f(x):\n    return x\n\ndef g(x):\n    return 1\n")
    path = Path(module.f.__code__.co_filename)
    path.write_text(path.read_text().replace("return 1", "return 2"))
    assert body(module.f) == "return x"
    with pytest.raises(StagecError, match="SC201"):
        find(module.g)


def test_no_false_alarm_in_the_standard_library() -> None:
    functions = [
        value
        for module in (textwrap, statistics, functools, linecache, ast, doctest)
        for value in vars(module).values()
        if getattr(value, "__module__", None) == module.__name__
        and type(value) is type(body)
        and value.__code__.co_filename == module.__file__
    ]
    assert len(functions) > 60
    for function in functions:
        assert find(function).node.name == function.__code__.co_name
