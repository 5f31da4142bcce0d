"""Lists: types, what is shared, refusals, and cotangents of ragged lists."""

# a rule that an op lacks is None, and fails the test that calls it
# pyright: reportCallIssue=false, reportOptionalCall=false

import numpy as np
import pytest

import stagec
import stagec_runtime as rt
from stagec.ir.build import Builder, params
from stagec.ir.types import FLOAT, INT, ArrayType, ListType, type_of
from stagec.ops.arithmetic import Handle
from stagec.ops.into import Into
from stagec.ops.list_arrays import (
    list_rows,
    list_stack,
    list_unstack,
)
from stagec.ops.lists import (
    list_add,
    list_append,
    list_get,
    list_new,
    list_pop,
    list_set,
)

ROW = type_of(np.zeros(3))
F8 = np.dtype(float)


def test_elements_may_differ_in_size_only():
    xs = ListType(ROW)
    assert list_append.infer(xs, type_of(np.zeros(4))) == ListType(ArrayType(F8, (None,)))
    for other in (type_of(np.zeros(3, int)), FLOAT, type_of(np.zeros((3, 1)))):
        with pytest.raises(TypeError, match="cannot hold"):
            list_append.infer(xs, other)
    with pytest.raises(TypeError, match="expected a list"):
        list_append.infer(ROW, ROW)
    with pytest.raises(TypeError, match="index must be an integer"):
        list_get.infer(xs, FLOAT)
    assert list_new.infer(element=FLOAT) == ListType(FLOAT)


def test_no_op_writes_to_its_operands():
    xs = [np.zeros(2)]
    list_append(xs, np.ones(2))
    list_set(xs, 0, np.ones(2))
    list_add(xs, 0, np.ones(2))
    list_pop(xs)
    assert len(xs) == 1
    assert not xs[0].any()


def test_generated_additions_do_not_write_to_shared_elements():
    shared = np.zeros(2)
    xs = [shared, shared]
    exec(list_add.source(ListType(ROW), INT, ROW).format("xs", "i", "v"),
         {"xs": xs, "i": 0, "v": np.ones(2)})  # fmt: skip
    assert xs[0].tolist() == [1, 1]
    assert not shared.any()


def test_cotangents_of_ragged_lists():
    xs = [np.zeros(2), np.zeros(3)]
    ct = [np.ones(2), np.ones(1)]
    xs_bar, none, v_bar = list_set.vjp(ct, [xs[0], np.zeros(1)], xs, 1, np.zeros(1))
    assert none is None
    assert [x.tolist() for x in xs_bar] == [[1, 1], [0, 0, 0]]
    assert v_bar.tolist() == [1]
    (bar, none) = list_get.vjp(np.ones(3), xs[1], xs, 1)
    assert [x.tolist() for x in bar] == [[0, 0], [1, 1, 1]]


def test_a_read_on_handles_gives_a_term():
    xs, i, ct = params(ListType(ROW), INT, ROW)
    builder = Builder()
    term, none = list_get.vjp(*(Handle(builder, v) for v in (ct, ct, xs, i)))
    assert isinstance(term, Into)
    assert term.op is list_add
    assert none is None
    assert not builder.stmts


def test_popping_gives_what_was_appended():
    xs_bar, v_bar = list_append.vjp([1.0, 2.0, 3.0], None, [0.0, 0.0], 0.0)
    assert (xs_bar, v_bar) == ([1.0, 2.0], 3.0)
    assert list_pop.vjp((None, 2.0), ([1.0], 5.0), [1.0, 5.0]) == ([0.0, 2.0],)
    with pytest.raises(IndexError, match="pop from empty list"):
        list_pop([])


def test_a_list_of_python_numbers_holds_cotangents_of_that_kind():
    ((*_, found),) = list_pop.vjp(([2.0], np.float64(3.0)), ([1.0], 5.0), [1.0, 5.0])
    assert type(found) is float

    def powers(x: float, n: int) -> float:
        data = [x]
        for _ in range(n):
            data.append(data[-1] * x)
        return np.real(sum(data))

    slope = stagec.grad(stagec.grad(powers))
    assert slope(2.0, 2) == 2 + 6 * 2.0
    assert stagec.jvp(stagec.grad(powers), (2.0, 2), (1.0, None))[1] == 2 + 6 * 2.0


def test_arrays_of_lists():
    assert list_stack([]).shape == (0,)
    assert list_stack.source(ListType(FLOAT)) == "np.array({})"
    assert list_stack.source(ListType(ROW)) == "np.stack({})"
    assert list_unstack(np.arange(2.0), kind="py") == [0.0, 1.0]
    assert type(list_unstack(np.arange(2.0), kind="py")[0]) is float
    with pytest.raises(TypeError, match="rows"):
        list_unstack.infer(ROW, kind="array")
    assert list_rows([], np.zeros((0, 3))).shape == (0, 3)


def test_batches_of_unbatched_lists():
    xs, axis = list_append.batch(([1.0], np.array([2.0, 3.0])), (None, 0))
    assert axis == 0
    assert [x.tolist() for x in xs] == [[1, 1], [2, 3]]
    with pytest.raises(TypeError, match="index"):
        list_set.batch((xs, np.array([0, 1]), 1.0), (0, 0, None))
    assert rt.stretch_list([], np.zeros(2)) == []
    assert rt.stretch_list([1.0], []) == []
