"""The core form of a program must do what the program does, in the same order."""

from __future__ import annotations

import gast
import pytest

from stagec.errors import StagecError
from stagec.frontend.desugar import desugar
from tests.frontend.core_language import assert_core, define, same
from tests.frontend.corpus import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_core_form_acts_like_the_original(name: str) -> None:
    text, runs = PROGRAMS[name]
    tree = desugar(define(text))
    assert_core(tree)
    same(text, tree, runs)


def test_input_tree_is_not_changed() -> None:
    for text, _ in PROGRAMS.values():
        node = define(text)
        before = gast.dump(node, include_attributes=True)
        desugar(node)
        assert gast.dump(node, include_attributes=True) == before


@pytest.mark.parametrize(
    ("text", "code", "construct", "place"),
    [
        ("async def g():\n        pass", "SC110", "async def", (2, 4)),
        (
            "class A:\n        async def g(self):\n            pass",
            "SC110",
            "async def",
            (3, 8),
        ),
        ("x = yield from range(3)", "SC114", "the value of yield from", (2, 8)),
        ("try: pass\n    except* ValueError: pass", "SC111", "except*", (2, 4)),
        ("try: pass\n    except g(): pass", "SC115", "an except clause", (3, 11)),
    ],
)
def test_refused_syntax_is_named(
    text: str, code: str, construct: str, place: tuple[int, int]
) -> None:
    with pytest.raises(StagecError) as caught:
        desugar(define(f"def f():\n    {text}\n"), "file.py")
    error = caught.value
    assert (error.code, error.help != "") == (code, True)
    assert error.message.startswith(construct)
    assert error.loc is not None
    assert (error.loc.file, error.loc.line, error.loc.column) == ("file.py", *place)
