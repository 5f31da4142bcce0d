"""Samples of indexing, lists, texts, effects, linear algebra and Fourier transforms."""

import numpy as np

from stagec.ir.path import Arg, Index, NewAxis, Reshape, Slice, Transpose
from stagec.ir.types import FLOAT, type_of
from stagec.ops.effects import check, check_defined, draw, host_call, print_, reaches
from stagec.ops.fourier import (
    double_inner,
    fft,
    fftfreq,
    fftn,
    fftshift,
    fit_axis,
    hfft,
    ifft,
    ifftn,
    ifftshift,
    ihfft,
    irfft,
    irfftn,
    rfft,
    rfftfreq,
    rfftn,
)
from stagec.ops.indexing import accumulate, copy, overwritten, read, update
from stagec.ops.list_arrays import (
    list_concatenate,
    list_rows,
    list_split,
    list_stack,
    list_unstack,
)
from stagec.ops.list_batches import list_collapse, list_stretch
from stagec.ops.list_casts import list_cast
from stagec.ops.list_full import list_full
from stagec.ops.lists import (
    list_add,
    list_append,
    list_assign,
    list_copy,
    list_get,
    list_length,
    list_new,
    list_pop,
    list_set,
    list_zeros,
)
from stagec.ops.text import concat, format_, text_compare, text_join, text_length

RNG = np.random.default_rng(3)
A = RNG.normal(size=(3, 4))
C = A + 1j * RNG.normal(size=(3, 4))
V = RNG.normal(size=4)
I2 = np.array([0, 2])
ELEMENT = type_of(np.float64(0))

PART = (Index((Slice(1, None), Slice(None, -1))),)
ROW = (Index((Arg(0),)),)
ROWS_COLUMN = (Index((Arg(0), Slice(), NewAxis())),)
FLIPPED = (Transpose((1, 0)), Index((Slice(None, None, -1), 0)))
RESHAPED = (Reshape((2, 6)), Index((1,)))
ELEMENT_PATH = (Index((Arg(0), Arg(1))),)
STAGED_SLICE = (Index((Slice(Arg(0), Arg(1)),)),)
PAIRS = (Index((Arg(0), Arg(1))),)
APART = (Index((Arg(0), NewAxis(), Arg(1))),)


def _at(path, **more):
    return {"path": path, **more}


def _fft(**more):
    return {"axis": 1, "size": (), "norm": "backward", **more}


def _fftn(**more):
    return {"axes": (0, 1), "size": (), "norm": "backward", **more}


SAMPLES = {
    read: [
        ((A,), _at(())),
        ((A,), _at(PART)),
        ((A,), _at(FLIPPED)),
        ((A,), _at(RESHAPED)),
        ((C,), _at(PART)),
        ((A.astype(np.float32), 1), _at(ROW)),
        ((A, 1, -2), _at(ELEMENT_PATH, view=False)),
        ((A, np.int64(1), 2), _at(ELEMENT_PATH, view=False)),
        ((A, 1, 3), _at(STAGED_SLICE)),
        ((A, I2), _at(ROW, view=False)),
        ((A, np.array([1, 1, 0])), _at(ROWS_COLUMN, view=False)),
        ((A, I2, np.array([[0], [3]])), _at(PAIRS, view=False)),
        ((A, I2, 1), _at(APART, view=False)),
        ((A, A > 0), _at(ROW, view=False)),
        ((A, A[:, 0] > 0), _at(ROW, view=False)),
        ((np.array(1.5),), _at((Index(()),), view=False)),
        ((np.float64(1.5),), _at((Index((NewAxis(), NewAxis())),), view=False)),
    ],
    update: [
        ((A, V), _at(())),
        ((A, 0.5), _at(PART)),
        ((A, np.ones((1, 1, 3))), _at(PART)),
        ((A, V[:, None].T[0, 3]), _at(FLIPPED)),
        ((A, np.arange(6.0)), _at(RESHAPED)),
        ((C, V), _at(ROW[:0])),
        ((A.astype(np.float32), V, 1), _at(ROW)),
        ((A, np.float64(2.0), 1, 2), _at(ELEMENT_PATH)),
        ((A, V, 0, 2), _at(STAGED_SLICE)),
        ((A, V, I2), _at(ROW)),
        ((A, RNG.normal(size=(3, 4)), np.array([1, 1, 0])), _at(ROW)),
        ((A, RNG.normal(size=(2, 2)), np.array([0, 0]), np.array([[1], [1]])), _at(PAIRS)),
        ((A, 0.5, A > 0), _at(ROW)),
        ((A, RNG.normal(size=(A > 0).sum()), A > 0), _at(ROW)),
        ((A, C[0]), _at(ROW[:0])),
        ((np.array(1.5), 2.5), _at(())),
    ],
    accumulate: [
        ((A, V), _at(())),
        ((A, 0.5), _at(PART)),
        ((A, np.ones(3)), _at(FLIPPED[:1])),
        ((A, np.arange(6.0)), _at(RESHAPED)),
        ((C, V), _at(())),
        ((A, V.astype(np.float32), 1), _at(ROW)),
        ((A, np.float64(2.0), 1, 2), _at(ELEMENT_PATH)),
        ((A, RNG.normal(size=(3, 4)), np.array([1, 1, 0])), _at(ROW)),
        ((A, V[:2, None], np.array([0, 0])), _at((Transpose((1, 0)), *ROW))),
        ((A, 0.5, A > 0), _at(ROW)),
        ((np.array(1.5), 2.5), _at(())),
        ((np.float64(1.5), np.float64(2.5)), _at(())),
    ],
    overwritten: [
        ((A, np.array([1, 1, 0])), _at(ROW)),
        ((A, np.array([1, 1]), 0), _at((Index((Arg(0), Arg(1))),))),
    ],
    copy: [((A,), {}), ((np.float64(2.0),), {}), ((1.5,), {}), ((C.T,), {})],
    list_new: [
        ((A, 2 * A), {"element": type_of(A)}),
        ((1.0, 2.0), {"element": FLOAT}),
    ],
    list_full: [((2.5, 3), {}), ((np.float32(1.5), 2), {}), ((1, 2), {})],
    list_zeros: [(([A, 2 * A],), {}), (([1.0, 2.0],), {})],
    list_length: [(([A, A],), {})],
    list_append: [(([A], 2 * A), {}), (([1.0, 2.0], 3.0), {}), (([[1.0], [2.0]], [3.0]), {})],
    list_pop: [(([A, 2 * A],), {}), (([1.0, 2.0],), {})],
    list_get: [(([A, 2 * A], 1), {}), (([1.0, 2.0, 3.0], -1), {}), (([[1.0], [2.0]], 0), {})],
    list_set: [(([A, 2 * A], 1, 3 * A), {}), (([1.0, 2.0], 0, 3.0), {})],
    list_add: [
        (([A, 2 * A], 1, 3 * A), {}),
        (([1.0, 2.0], 0, 3.0), {}),
        (([[1.0, 2.0], [3.0]], 0, [4.0, 5.0]), {}),
    ],
    list_stack: [
        (([A, 2 * A],), {}),
        (([1.0, 2.0],), {}),
        (([np.float32(1), np.float32(2)],), {}),
        (([1, 2],), {}),
    ],
    list_unstack: [
        ((A,), {"kind": "array"}),
        ((V,), {"kind": "py"}),
        ((V,), {"kind": "np"}),
    ],
    list_concatenate: [(([A, 2 * A[:1]],), {"axis": 0}), (([A, A],), {"axis": 1})],
    list_split: [((A, [A[:2], A[2:]]), {"axis": 0}), ((A, [A[:, :1], A[:, 1:]]), {"axis": 1})],
    list_rows: [(([V, 2 * V, 3 * V], A), {})],
    list_copy: [(([V, 2 * V],), {"deep": True}), (([1.0, 2.0],), {})],
    list_assign: [(([V, 2 * V], [3 * V, V]), {}), (([1.0, 2.0], [3.0, 4.0]), {})],
    list_cast: [
        (([1.0, 2.0],), {"dtype": np.dtype(complex), "weak": True}),
        (([1.5, 2.0],), {"dtype": np.dtype(np.float32), "weak": False}),
        (([1 + 2j, 3j],), {"dtype": np.dtype(float), "weak": True}),
        (([V, 2 * V],), {"dtype": np.dtype(complex), "weak": True}),
        (([1, 2],), {"dtype": np.dtype(float), "weak": True}),
    ],
    list_stretch: [(([V, 2 * V], A), {}), (([1.0, 2.0], V), {}), (([[1.0]], V), {})],
    list_collapse: [(([A, 2 * A], [V, V]), {}), (([V], [1.0]), {})],
    format_: [
        ((1.5,), {}),
        ((1.5,), {"spec": ".3f"}),
        ((2,), {"spec": ">{}4".format("")}),
        (("ab",), {"spec": ">6", "conversion": "r"}),
    ],
    concat: [(("a", "b{}"), {}), ((), {})],
    text_length: [(("abc",), {})],
    text_compare: [(("abc", "b"), {"relation": r}) for r in ("==", "!=", "<", "<=", ">", ">=")],
    text_join: [((", ", ["a", "b"]), {})],
    print_: [((1.5, "x"), {"sep": "-", "end": "\n"})],
    check: [((True, "wrong"), {"exception": ValueError})],
    check_defined: [((True,), {"name": "x"})],
    reaches: [((2, 3, 0, 3), {}), ((7, 3, 2, 2), {})],
    draw: [((3,), {"function": np.random.standard_normal, "result": type_of(V[:3])})],
    host_call: [((-2,), {"function": abs, "results": (type_of(1),)})],
    fit_axis: [
        ((A,), {"axis": 1, "size": (3,)}),
        ((C, 6), {"axis": 1, "size": (Arg(1),)}),
    ],
    double_inner: [
        ((C,), {"axis": 1, "size": (6,)}),
        ((C, 7), {"axis": 1, "size": (Arg(1),)}),
    ],
    fft: [
        ((A,), _fft()),
        ((C,), _fft(axis=0, norm="ortho")),
        ((A,), _fft(size=(3,))),
        ((C, 6), _fft(size=(Arg(1),), norm="forward")),
        ((A.astype(np.float32),), _fft()),
    ],
    ifft: [((A,), _fft()), ((C,), _fft(axis=0, size=(5,))), ((C,), _fft(norm="forward"))],
    rfft: [
        ((A,), _fft()),
        ((A,), _fft(axis=0, norm="ortho")),
        ((A,), _fft(size=(3,))),
        ((A, 7), _fft(size=(Arg(1),), norm="forward")),
        ((A.astype(np.float32),), _fft()),
    ],
    irfft: [
        ((C,), _fft()),
        ((A,), _fft()),
        ((C,), _fft(size=(7,))),
        ((C,), _fft(size=(5,), norm="ortho")),
        ((C,), _fft(axis=0, size=(3,), norm="forward")),
        ((C, 9), _fft(size=(Arg(1),))),
    ],
    hfft: [((C,), _fft()), ((A,), _fft(size=(5,), norm="ortho"))],
    ihfft: [((A,), _fft()), ((A,), _fft(axis=0, norm="forward"))],
    fftn: [
        ((A,), _fftn()),
        ((C, 5), {"axes": (1, 0), "size": (Arg(1), 2), "norm": "ortho"}),
        ((C,), _fftn(axes=(0,), size=(2,))),
    ],
    ifftn: [((C,), _fftn())],
    rfftn: [((A,), _fftn()), ((A,), _fftn(size=(4, 3)))],
    irfftn: [((C,), _fftn()), ((C,), _fftn(size=(4, 5)))],
    fftshift: [((A,), {"axes": (0, 1)}), ((A,), {"axes": (0,)})],
    ifftshift: [((A,), {"axes": (0, 1)}), ((A,), {"axes": (0,)})],
    fftfreq: [((0.5,), {"size": (5,)}), ((np.float64(0.5), 4), {"size": (Arg(1),)})],
    rfftfreq: [((0.5,), {"size": (5,)}), ((0.5, 4), {"size": (Arg(1),)})],
}
