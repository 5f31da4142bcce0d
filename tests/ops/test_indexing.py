"""Types, values and source text of paths against NumPy, and the rules of reads and writes."""

# a rule that an op lacks is None, and fails the test that calls it
# pyright: reportCallIssue=false, reportOptionalCall=false, reportOptionalMemberAccess=false
# pyright: reportArgumentType=false

import itertools

import numpy as np
import pytest

import stagec_runtime as rt
from stagec.ir.build import Builder, params
from stagec.ir.path import Arg, Index, NewAxis, Reshape, Slice, Transpose
from stagec.ir.types import ArrayType, Size, Symbol, affine, size, type_of
from stagec.ops.arithmetic import Handle
from stagec.ops.indexing import (
    accumulate,
    accumulate_at,
    apply_path,
    copy,
    is_view,
    path_source,
    path_type,
    read,
    read_at,
    update,
    update_at,
)

N = size(Symbol("n"))
F8 = np.dtype(float)


def steps(*key):
    """The path of `a[key]` for the plain index `key`, and its operands."""
    operands = []

    def item(part):
        if part is None:
            return NewAxis()
        if isinstance(part, slice):
            return Slice(part.start, part.stop, part.step)
        if isinstance(part, np.ndarray | np.integer):
            operands.append(part)
            return Arg(len(operands) - 1)
        return part

    return (Index(tuple(item(p) for p in key)),), tuple(operands)


def check(array, path, operands):
    got = path_type(type_of(array), path, tuple(map(type_of, operands)))
    want = apply_path(array, path, operands)
    assert got.rank == np.ndim(want)
    assert got.kind == ("array" if isinstance(want, np.ndarray) else "np")
    for dim, true in zip(got.shape, np.shape(want), strict=True):
        assert dim is None or dim == true
    shared = is_view(path, tuple(map(type_of, operands))) and got.kind == "array"
    assert shared == (isinstance(want, np.ndarray) and np.shares_memory(want, array))
    names = [f"i{k}" for k in range(len(operands))]
    text = path_source(path, type_of(array), tuple(map(type_of, operands)))
    np.testing.assert_array_equal(
        eval(text.format("a", *names), {"a": array, **dict(zip(names, operands, strict=True))}),
        want,
    )
    return got, want


ITEMS = [
    0, -1, None, slice(None), slice(1, None), slice(None, None, -1), slice(1, -1),
    slice(5, None, -2), np.array([0, 2, 1]), np.array([[0], [1]]),
    np.array([True, False, True, True]),
    np.int64(1), np.array(2),
]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_types_of_all_index_expressions(count):
    array = np.arange(4.0**3).reshape(4, 4, 4)
    for key in itertools.product(ITEMS, repeat=count):
        try:
            want = array[key]
        except IndexError:  # shapes that do not broadcast: a mask of two and three numbers
            continue
        got, _ = check(array, *steps(*key))
        masks = [k for k in key if isinstance(k, np.ndarray) and k.dtype == bool]
        if not masks:
            assert got.shape == np.shape(want)


def test_masks_of_higher_rank_and_truth_values():
    array = np.arange(24.0).reshape(2, 3, 4)
    check(array, *steps(array[..., 0] > 3))
    check(array, *steps(slice(None), array[0] > 3))
    check(array, *steps(np.array(True)))
    check(array, *steps(np.array(False), 0))


def evaluate(dim, n):
    if not isinstance(dim, Size):
        return dim
    return max(0, dim.const + sum(factor * n for _, factor in dim.terms))


BOUNDS = [None, 0, 1, 2, 3, -1, -2, -3, 7, -7]


@pytest.mark.parametrize("step", [None, 1, -1, 2, -2])
@pytest.mark.parametrize("offset", [0, 2])
@pytest.mark.parametrize("unit", [False, True])
def test_symbolic_slices_never_lie(step, offset, unit):
    base = ArrayType(F8, (affine((size(Symbol("n", unit)), 1), const=offset),))
    for start, stop in itertools.product(BOUNDS, BOUNDS):
        key = slice(start, stop, step)
        (dim,) = path_type(base, steps(key)[0], ()).shape
        for n in (0, 1, 2, 3, 4, 9)[0 if unit else 2 :]:
            true = len(np.zeros(n + offset)[key])
            assert dim is None or evaluate(dim, n) == true, (key, dim, n)


@pytest.mark.parametrize("ends", list(itertools.product([None, -2, -1, 0, 1], repeat=2)))
@pytest.mark.parametrize("unit", [False, True])
def test_slices_with_bounds_of_known_size(ends, unit):
    symbol = size(Symbol("n", unit))
    base = ArrayType(F8, (affine((symbol, 2), const=1),))
    types, item, position = [], [], 0
    for end in ends:
        item.append(None if end is None else Arg(position))
        if end is not None:
            types.append(ArrayType(np.dtype(int), (), "py", affine((symbol, 1), const=end)))
            position += 1
    (dim,) = path_type(base, (Index((Slice(*item),)),), tuple(types)).shape
    for n in (0, 1, 2, 3, 9)[0 if unit else 2 :]:
        key = slice(*(None if end is None else n + end for end in ends))
        true = len(np.zeros(2 * n + 1)[key])
        assert dim is None or evaluate(dim, n) == true


@pytest.mark.parametrize(
    ("key", "dim"),
    [
        (slice(1, None), "n - 1"), (slice(None, -1), "n - 1"), (slice(1, -1), "n - 2"),
        (slice(None), "n"), (slice(None, None, -1), "n"), (slice(None, 0, -1), "n - 1"),
        (slice(0, 3), "None"), (slice(0, 2), "2"),
        (slice(-2, None), "2"), (slice(-3, None), "None"), (slice(None, None, 2), "None"),
    ],
)  # fmt: skip
def test_sizes_that_must_be_found(key, dim):
    assert str(path_type(ArrayType(F8, (N,)), steps(key)[0], ()).shape[0]) == dim


def test_staged_bounds_have_unknown_length():
    i = ArrayType(np.dtype(int), (), "py")
    assert path_type(ArrayType(F8, (N,)), (Index((Slice(None, Arg(0)),)),), (i,)).shape == (
        None,
    )
    n = ArrayType(np.dtype(int), (), "py", affine((N, 1), const=-1))
    assert str(path_type(ArrayType(F8, (N,)), (Index((Slice(None, Arg(0)),)),), (n,))) == (
        "f64[n - 1]"
    )


def test_reshapes():
    m = size(Symbol("m"))

    def shape(old, *new):
        return path_type(ArrayType(F8, old), (Reshape(new),), ()).shape

    assert shape((2, 3), 6) == (6,)
    assert shape((2, 3), 3, -1) == (3, 2)
    assert shape((N, 3), -1) == (affine((N, 3)),)
    assert shape((N, m), -1) == (None,)
    assert shape((affine((N, 4)),), -1, 2) == (affine((N, 2)), 2)
    with pytest.raises(TypeError, match="reshape"):
        shape((2, 3), 4)
    with pytest.raises(TypeError, match="reshape"):
        shape((2, 3), 4, -1)


def test_reading_a_zero_dimensional_array():
    got, _ = check(np.array(2.0), *steps())
    assert got.kind == "np"
    assert path_type(ArrayType(F8), (), ()).kind == "array"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "{0}"),
        ((Index((Slice(None, 1), Arg(1))),), "{0}[:1, {2}]"),
        ((Index((Slice(1, None), Arg(1))),), "{0}[1:, {2}]"),
        ((Transpose((1, 0)), Index((0,))), "{0}.T[0]"),
        ((Reshape((2, 3)), Index((1,))), "{0}.reshape(2, 3)[1]"),
        ((Index((Slice(), NewAxis())),), "{0}[:, None]"),
        ((Index((Slice(Arg(0), Arg(1), -1),)),), "{0}[{1}:{2}:-1]"),
        ((Index(()),), "{0}[:]"),
        ((Index((0,)), Index((1,)), Index(())), "{0}[0][1][()]"),
    ],
)
def test_source(path, text):
    i = ArrayType(np.dtype(int), (), "py")
    base = ArrayType(F8, (3, 2) if Reshape((2, 3)) in path else (2, 2))
    assert path_source(path, base, (i, i)) == text


def test_sources_of_writes():
    a, v, i = type_of(np.zeros((3, 4))), type_of(0.5), type_of(np.array([0, 1]))
    row = (Index((Arg(0),)),)
    flipped = (Transpose((1, 0)), Index((Arg(0), Slice(1))))
    assert update.source(a, v, path=()) == "{0}[...] = {1}"
    assert update.source(a, v, path=(Transpose((1, 0)),)) == "{0}.T[...] = {1}"
    assert update.source(a, v, i, path=row) == "{0}[{2}] = {1}"
    assert accumulate.source(a, v, path=()) == "{0} += {1}"
    assert accumulate.source(a, v, i, path=row) == "np.add.at({0}, {2}, {1})"
    assert accumulate.source(a, v, i, path=flipped) == "np.add.at({0}.T, np.s_[{2}, 1:], {1})"
    assert accumulate.source(a, v, type_of(np.zeros(3) > 0), path=row) == "{0}[{2}] += {1}"
    assert accumulate.source(a, v, type_of(1), path=row) == "{0}[{2}] += {1}"


def test_writes_do_not_touch_the_operand():
    a = np.zeros((2, 3))
    out = update_at(a, [1.0, 2.0], (Transpose((1, 0)), Index((1,))))
    assert out.tolist() == [[0, 1, 0], [0, 2, 0]]
    assert not a.any()
    twice = accumulate_at(
        np.zeros(3), [1.0, 2.0, 4.0], (Index((Arg(0),)),), np.array([1, 1, 0])
    )
    assert twice.tolist() == [4, 3, 0]
    assert update_at(np.zeros(2, int), 1.7, ()).tolist() == [1, 1]
    assert not np.shares_memory(copy(a), a)


def test_the_last_of_several_writes_counts():
    a, v, i = np.zeros(3), np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0])
    path = (Index((Arg(0),)),)
    ct = np.array([10.0, 20.0, 30.0])
    a_bar, v_bar, none = update.vjp(ct, update(a, v, i, path=path), a, v, i, path=path)
    assert none is None
    assert a_bar.tolist() == [0, 0, 30]
    assert v_bar.tolist() == [0, 20, 10]
    assert rt.overwritten(np.zeros(3), np.s_[i]).tolist() == [True, False, False]


def test_values_are_summed_over_what_they_were_broadcast_to():
    a, v = np.zeros((2, 3)), np.ones((1, 1, 3))
    ct = np.arange(6.0).reshape(2, 3)
    _, v_bar = update.vjp(ct, a, a, v, path=())
    assert v_bar.tolist() == [[[3, 5, 7]]]
    _, v_bar = accumulate.vjp(ct, a, a, np.float64(1), path=())
    assert v_bar == 15


def test_refusals():
    a = type_of(np.zeros(3))
    index = type_of(np.array([0]))
    with pytest.raises(TypeError, match="last step"):
        update.infer(a, a, index, path=(Index((Arg(0),)), Index((0,))))
    with pytest.raises(TypeError, match="does not broadcast"):
        update.infer(a, type_of(np.zeros(2)), path=())
    with pytest.raises(TypeError, match="cannot add"):
        accumulate.infer(type_of(np.zeros(3, int)), a, path=())
    with pytest.raises(TypeError, match="too many indices"):
        read.infer(a, path=(Index((0, 0)),))
    with pytest.raises(TypeError, match="an index must be"):
        read.infer(a, type_of(np.zeros(3)), path=(Index((Arg(0),)),))


def rewritten(op, *args, **attrs):
    for rule in op.rewrites:
        found = rule(*args, **attrs)
        if found is not None:
            return found
    return None


def test_an_element_just_written_is_the_value():
    a, v, i, w = params(type_of(np.zeros(3)), type_of(np.float64(1)), type_of(1), type_of(1.0))
    builder = Builder()
    a, v, i, w = (Handle(builder, x) for x in (a, v, i, w))
    path = (Index((Arg(0),)),)
    stored = update_at(a, v, path, i)
    assert rewritten(read, stored, i, path=path, view=False).operand is v.operand
    assert rewritten(read, stored, i + 1, path=path, view=False) is None
    weak = rewritten(read, update_at(a, w, path, i), i, path=path, view=False)
    assert weak.type.kind == "np"
    assert rewritten(read, a, path=()) is a
    assert read_at(a, path, i).operand is not a.operand
