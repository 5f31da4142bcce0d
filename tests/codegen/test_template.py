import gast
import pytest

from stagec.codegen.emit import emit
from stagec.codegen.template import parse_template
from stagec.codegen.tree import name
from stagec.errors import InternalError


def text_of(template: str, *operands: str) -> str:
    trees = [gast.parse(o).body[0].value for o in operands]
    body = parse_template(template).fill(trees)
    stmts = body if isinstance(body, list) else [gast.Expr(value=body)]
    return emit(gast.Module(body=stmts, type_ignores=[]))


@pytest.mark.parametrize(
    ("template", "operands", "expected"),
    [
        ("{} * {}", ("a + b", "-c"), "(a + b) * -c\n"),
        ("-{} ** {}", ("-a", "b if c else d"), "-(-a) ** (b if c else d)\n"),
        ("np.sum({}, axis=0)", ("x, y",), "np.sum((x, y), axis=0)\n"),
        ("{0}[1:, {2}] = {1}", ("x", "v", "i"), "x[1:, i] = v\n"),
        ("{0} += {1}", ("x", "v"), "x += v\n"),
        ("{1} if {0} else 0.0", ("c", "v"), "v if c else 0.0\n"),
        ("{}.T", ("x[k].T",), "x[k]\n"),
        ("{{{0}: 1}}", ("k",), "{k: 1}\n"),
        ("if not {0}:\n    raise ValueError('{{}}')", ("a == b",),
         "if a != b:\n    raise ValueError('{}')\n"),
    ],
)  # fmt: skip
def test_operands_are_put_in_as_trees(
    template: str, operands: tuple[str, ...], expected: str
) -> None:
    assert text_of(template, *operands) == expected


def test_slots_are_in_order_of_evaluation() -> None:
    template = parse_template("{0}[{2}] = {1}")
    assert template.slots == (1, 0, 2)
    assert not template.is_expression
    chosen = parse_template("{1} if {0} else {2}")
    assert chosen.slots == (0, 1, 2)
    assert chosen.optional == {1, 2}


def test_an_operand_that_no_text_mentions_is_a_slot() -> None:
    template = parse_template("{0}{2:unsaid}")
    assert template.slots == (0, 2)
    assert template.width == 0


def test_names_of_its_own_and_objects() -> None:
    template = parse_template("{function}(len({}), np.pi)")
    assert template.names == {"len", "np"}
    assert template.attributes == ("function",)
    bound = template.bound({"function": "callback"})
    tree = gast.Module(body=[gast.Expr(value=bound.fill([name("x")]))], type_ignores=[])
    assert emit(tree) == "callback(len(x), np.pi)\n"
    assert "callback" in bound.names


def test_bad_template_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="is not Python"):
        parse_template("{} +")
