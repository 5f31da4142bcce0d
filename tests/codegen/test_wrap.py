import ast

import pytest

from stagec.codegen.wrap import WIDTH, wrap

NAMES = [f"argument_{k}" for k in range(20)]
LONG = [
    f"def f({', '.join(NAMES)}):\n    return 1\n",
    f"if x:\n    y = np.stack(({', '.join(NAMES)}), axis=0) + g(1, 2)\n",
    f"values = [[{', '.join(NAMES[:9])}], [{', '.join(NAMES[9:])}]]\n",
    f"print({', '.join(NAMES)}, 'a, (b', sep=', ')\n",
]


@pytest.mark.parametrize("text", LONG)
def test_long_lines_break_inside_brackets(text: str) -> None:
    wrapped = wrap(text)
    assert max(map(len, wrapped.splitlines())) <= WIDTH
    assert ast.dump(ast.parse(wrapped)) == ast.dump(ast.parse(text))
    assert wrap(wrapped) == wrapped


@pytest.mark.parametrize(
    "text", ["x = 1\n", f"return {' + '.join(NAMES)}\n", "a = '''" + "b" * 99]
)
def test_others_stay(text: str) -> None:
    assert wrap(text) == text
