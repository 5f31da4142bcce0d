"""Binders against NumPy: each call gives the same, run on arrays and staged on handles."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stagec import ops
from stagec.ir.core import Staged
from tests.ops.rules import Staging, assert_same_type, type_of

TABLE = {function: binder for op in ops.ALL for function, binder in op.calls}

ARRAYS: dict[str, Any] = {
    "x": np.array([0.3, 0.7, 1.3, 2.1, 0.9, 1.7]),
    "y": np.array([1.1, -0.4, 0.8, 0.25, 1.9, -1.2]),
    "f": np.array([0.5, 1.5, -2.25], np.float32),
    "z": np.array([0.5 + 1j, -1.5j, 2.0]),
    "i": np.array([3, 0, 2, 2, 1]),
    "k": np.array([1, 0, 2]),
    "b": np.array([True, False, True, True, False, True]),
    "A": np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.15, 1.2], [-0.8, 0.6, 0.9]]),
    "B": np.array(
        [[0.25, -1.3, 0.7], [1.25, 0.55, -0.45], [0.35, 1.15, 2.2], [-0.3, 1.6, 0.75]]
    ),
    "S": np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.15, 1.2]]),
    "T": np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4) ** 2,
    "U": np.linspace(-0.3, 1.1, 24).reshape(2, 4, 3) ** 3,
    "G": np.array([[0.3, np.nan, 1.3], [np.nan, 0.9, 0.2]]),
    "n": 3,
    "s": 0.75,
    "q": np.float64(0.4),
}

AXES = ("", "axis=0", "axis=-1", "axis=(0, 1)", "axis=(0, -1), keepdims=True", "keepdims=True")
REDUCTIONS = (
    *("sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "any", "all"),
    *("count_nonzero", "median", "nansum", "nanmean", "nanprod", "nanvar", "nanstd", "nanmax"),
    *("nanmin", "nanmedian"),
)

CASES = [
    *(f"np.{name}(T{', ' * bool(a)}{a})" for name in REDUCTIONS for a in AXES),
    *(f"np.{name}(G, axis=1)" for name in REDUCTIONS if name.startswith("nan")),
    *(
        f"np.{name}(T, {a})"
        for name in ("argmax", "argmin")
        for a in ("1", "axis=-1, keepdims=True")
    ),
    *(f"np.{name}(T)" for name in ("argmax", "argmin", "nanargmax", "nanargmin")),
    "np.sum(x, 0)",
    "np.sum(i)",
    "np.sum(b)",
    "np.sum(f, dtype=np.float64)",
    "np.sum(x, initial=2.0)",
    "np.max(A, initial=1.0)",
    "np.min(A, axis=0, initial=s)",
    "np.ndarray.compress(A, b[:3], 1)",
    "np.sum(x, where=x > 0.5)",
    "np.sum(A, axis=1, where=B > 0.3, initial=2.0)",
    "np.mean(A, 0, where=B > -1)",
    "np.prod(A, where=B > 0, keepdims=True)",
    "np.sum(s)",
    "np.mean(i)",
    "np.mean(b)",
    "np.prod(k, initial=3)",
    "np.var(A, 0, ddof=1)",
    "np.std(A, axis=1, correction=1)",
    "np.mean(z)",
    "np.var(z)",
    "np.average(A, axis=0)",
    "np.average(A, 1, k)",
    "np.average(A, weights=np.abs(B), returned=True)",
    "np.quantile(A, 0.3)",
    "np.quantile(A, [0.3, 0.5], axis=0)",
    "np.quantile(x, q)",
    "np.percentile(A, 30, axis=-1, keepdims=True)",
    "np.percentile(x, (10, 20), method='nearest')",
    "np.nanquantile(G, 0.3, axis=1)",
    "np.nanpercentile(G, 30)",
    # running sums and differences
    "np.cumsum(A)",
    "np.cumsum(A, axis=-2)",
    "np.cumsum(b)",
    "np.cumprod(A, 1)",
    "np.cumulative_sum(x, include_initial=True)",
    "np.cumulative_prod(A, axis=1)",
    "np.nancumsum(G, axis=0)",
    "np.nancumprod(G)",
    "np.diff(x)",
    "np.diff(A, 2, 0)",
    "np.diff(x, prepend=0.0, append=x)",
    "np.diff(A, axis=0, prepend=1.0)",
    "np.ediff1d(A)",
    "np.ediff1d(x, to_begin=1.0, to_end=x)",
    "np.gradient(x)",
    "np.gradient(A)",
    "np.gradient(A, 0.5, 2.0)",
    "np.gradient(A, x[:4], axis=0)",
    "np.gradient(x, 0.5, edge_order=2)",
    "np.gradient(T, 0.5, axis=(0, -1))",
    "np.trapezoid(A)",
    "np.trapezoid(A, dx=0.5, axis=0)",
    "np.trapezoid(x, y)",
    "np.trapezoid(A, k * 1.5)",
    "np.unwrap(x * 4)",
    "np.unwrap(A * 3, axis=0, period=3.0)",
    # shapes
    "np.reshape(A, (2, 6))",
    "np.reshape(A, -1)",
    "np.reshape(A, (n, -1))",
    "np.reshape(A, (3, 4), order='F')",
    "np.reshape(T, (-1, 3), order='F')",
    "np.ravel(A)",
    "np.ravel(A, 'F')",
    "np.transpose(T)",
    "np.transpose(T, (1, 0, 2))",
    "np.transpose(T, (-1, 0, 1))",
    "np.permute_dims(T, (2, 0, 1))",
    "np.matrix_transpose(T)",
    "np.swapaxes(T, 0, -1)",
    "np.moveaxis(T, 0, -1)",
    "np.moveaxis(T, (0, 1), (-1, 0))",
    "np.rollaxis(T, 2)",
    "np.rollaxis(T, 0, 3)",
    "np.expand_dims(A, 0)",
    "np.expand_dims(A, (0, -1))",
    "np.squeeze(A[None, :, None])",
    "np.squeeze(A[None, :, None], axis=-2)",
    "np.atleast_1d(s)",
    "np.atleast_2d(x)",
    "np.atleast_3d(x)",
    "np.atleast_3d(A)",
    "np.atleast_2d(x, A)",
    "np.broadcast_to(x, (2, 6))",
    "np.broadcast_to(x, (n, 6))",
    "np.broadcast_to(s, 3)",
    "np.broadcast_arrays(x, A[:, :1])",
    # joining and splitting
    "np.concatenate((A, B))",
    "np.concatenate([A, B], axis=-1)",
    "np.concatenate((A, x), axis=None)",
    "np.concatenate((x, i), dtype=np.float32)",
    "np.concatenate(T)",
    "np.stack((x, y))",
    "np.stack([A, B], axis=-1)",
    "np.stack(T)",
    "np.stack([s, 2.0])",
    "np.vstack((x, y))",
    "np.vstack((A, x[:3]))",
    "np.hstack((x, y))",
    "np.hstack((A, B))",
    "np.dstack((A, B))",
    "np.dstack((x, y))",
    "np.column_stack((x, y))",
    "np.append(A, x)",
    "np.append(A, B, axis=1)",
    "np.append(x, s)",
    "np.block([[A, B], [B, A]])",
    "np.block([x, y])",
    "np.split(A, 2)",
    "np.split(x, [1, 4])",
    "np.split(x, (2, -1))",
    "np.split(x, np.cumsum([1, 3, 1])[:-1])",
    "np.split(A, np.cumsum([n, 1])[:1], axis=1)",
    "np.array_split(x, 4)",
    "np.array_split(T, 3, axis=2)",
    "np.hsplit(A, 3)",
    "np.hsplit(x, 2)",
    "np.vsplit(A, [1])",
    "np.dsplit(T, 2)",
    "np.unstack(A, axis=1)",
    # moving and repeating
    "np.flip(A)",
    "np.flip(A, 0)",
    "np.flip(T, (0, -1))",
    "np.fliplr(A)",
    "np.flipud(A)",
    *(f"np.rot90(A, {k})" for k in (0, 1, 2, 3, -1)),
    "np.rot90(T, 1, (1, 2))",
    "np.roll(x, 2)",
    "np.roll(A, 1)",
    "np.roll(A, -1, 0)",
    "np.roll(A, (1, 2), (0, 1))",
    "np.roll(A, n, axis=(0, 1))",
    "np.repeat(A, 2)",
    "np.repeat(A, n, axis=0)",
    "np.repeat(A, [1, 0, 2], axis=1)",
    "np.repeat(A, k, -1)",
    "np.tile(x, 2)",
    "np.tile(A, (2, 1))",
    "np.tile(x, (n, 1))",
    "np.tile(A, 2)",
    "np.pad(x, 2)",
    "np.pad(A, 1, constant_values=s)",
    "np.pad(A, ((1, 0), (2, 1)), constant_values=((1.0, 2.0), (3.0, 4.0)))",
    "np.pad(x, (1, 2), mode='edge')",
    "np.pad(A, ((1, 2), (2, 0)), 'reflect')",
    "np.pad(A, 2, 'symmetric')",
    "np.pad(A, (3, 1), 'wrap')",
    "np.resize(x, (4, 3))",
    "np.resize(x, 2)",
    # diagonals
    "np.diag(x)",
    "np.diag(x, -1)",
    "np.diag(A)",
    "np.diag(A, 1)",
    "np.diagflat(S, 1)",
    "np.diagonal(T, 1, 0, 2)",
    "np.linalg.diagonal(T, offset=-1)",
    "np.trace(A)",
    "np.trace(T, 1, 1, 2)",
    "np.linalg.trace(T)",
    "np.trace(T, axis1=-1, axis2=0)",
    "np.tril(A, -1)",
    "np.triu(T, 1)",
    # creation
    "np.zeros((2, n))",
    "np.zeros(n, np.int32)",
    "np.ones((2, n), dtype=bool)",
    "np.zeros_like(A)",
    "np.ones_like(i, dtype=float)",
    "np.zeros_like(A, shape=(n, 2))",
    "np.full((2, n), s)",
    "np.full((2, 3), k)",
    "np.full(n, 1)",
    "np.full_like(A, s)",
    "np.full_like(i, 2)",
    "np.arange(n)",
    "np.arange(1, n)",
    "np.arange(0.5, s * 4, 0.5)",
    "np.arange(n, 0, -1)",
    "np.arange(n, dtype=np.float32)",
    "np.linspace(s, 2.0)",
    "np.linspace(0.0, s, n)",
    "np.linspace(x, y, 4, endpoint=False)",
    "np.linspace(x, y, 4, axis=-1)",
    "np.linspace(0, s, 4, retstep=True)",
    "np.logspace(0.0, s, 4)",
    "np.logspace(0.0, s, n, base=2.0)",
    "np.geomspace(1.0, s, 5)",
    "np.eye(n)",
    "np.eye(2, n, 1)",
    "np.identity(n)",
    "np.tri(n, 4, -1)",
    "np.indices((2, n))",
    "np.meshgrid(x, k)",
    "np.meshgrid(x, k, f, indexing='ij')",
    "np.meshgrid(x, k, sparse=True)",
    "np.ix_(k, i)",
    "np.array(A)",
    "np.array([s, 2.0, 1])",
    "np.array([[s, 2], [3, n]], dtype=np.float32)",
    "np.array([x, y])",
    "np.array(x, ndmin=3)",
    "np.asarray(s)",
    "np.asarray(i, dtype=float)",
    "np.ascontiguousarray(A)",
    "np.real_if_close(x)",
    # products
    "np.dot(x, y)",
    "np.dot(A, k)",
    "np.dot(A, S)",
    "np.dot(s, A)",
    "np.dot(T, U)",
    "np.dot(x[:4], U)",
    "np.matmul(T, U)",
    "np.linalg.matmul(A, S)",
    "np.inner(x, y)",
    "np.inner(A, B)",
    "np.inner(A, s)",
    "np.outer(x, A)",
    "np.linalg.outer(x, y)",
    "np.vdot(A, B)",
    "np.vdot(z, k)",
    "np.vecdot(A, B)",
    "np.vecdot(A, B, axis=0)",
    "np.tensordot(A, B)",
    "np.tensordot(T, U, axes=([1, 2], [2, 1]))",
    "np.tensordot(T, S, axes=(1, 0))",
    "np.tensordot(A, S, 1)",
    "np.einsum('ij,kj', A, B)",
    "np.einsum('ij->i', A)",
    "np.einsum('...ij, ...jk -> ...ik', T, U)",
    "np.einsum('ii', S)",
    "np.einsum('i...,i...->...', A, B)",
    "np.einsum('ba', A)",
    "np.einsum(A, [0, 1], A, [2, 1])",
    "np.einsum(T, [..., 0, 30], U, [..., 30, 1], [..., 1, 0])",
    "np.einsum('ij,kj', A, B, optimize='optimal')",
    "np.kron(A, S)",
    "np.kron(x, A)",
    "np.cross(A, B)",
    "np.cross(A.T[:3, :3], S, axis=0)",
    "np.convolve(x, k)",
    "np.convolve(x, k, 'same')",
    "np.convolve(k, x, mode='valid')",
    "np.correlate(x, f)",
    "np.correlate(x, k, 'full')",
    # order
    "np.sort(A)",
    "np.sort(A, 0)",
    "np.sort(A, axis=None)",
    "np.argsort(A, axis=0)",
    "np.argsort(i, kind='stable')",
    "np.sort_complex(x)",
    "np.partition(x, 2)",
    "np.partition(A, (0, 2), axis=0)",
    "np.argpartition(x, 2)",
    "np.take(A, i)",
    "np.take(A, k, axis=1)",
    "np.take(A, n, axis=0)",
    "np.take(x, i * 3, mode='clip')",
    "np.take(x, i * 3, mode='wrap')",
    "np.take_along_axis(A, k[None], 0)",
    "np.take_along_axis(A, i[:4, None] % 3, 1)",
    "np.compress(b, x)",
    "np.compress(b[:3], A, axis=1)",
    "np.extract(b, x)",
    "np.searchsorted(k * 2, f)",
    "np.searchsorted(x[:4], y, side='right')",
    "np.digitize(y, x[:4])",
    "np.nonzero(i)",
    "np.nonzero(S)",
    "np.flatnonzero(i)",
    "np.argwhere(S)",
    "np.unique(i)",
    "np.unique(i, return_inverse=True, return_counts=True)",
    "np.bincount(i)",
    "np.bincount(i, x[:5], 6)",
    "np.histogram(x, 4)",
    "np.histogram(x, 4, weights=y)[0]",
    "np.histogram(x, 4, (0, 1.5), weights=y)",
    "np.histogram(x, x[:4], weights=y)",
    "np.histogram(x, 3, (0.0, 2.0), density=True)",
    "np.cov(A)",
    "np.cov(x, y)",
    "np.cov(A, rowvar=False, bias=True)",
    "np.corrcoef(A)",
    "np.corrcoef(x, y)",
    "np.interp(y, k.cumsum() * 1.0, f)",
    "np.interp(s, x[:4], y[:4])",
    "np.interp(y, x[:4], y[:4], left=-1.0, right=s)",
    "np.where(x > s)",
    "np.isin(i, k)",
    "np.union1d(i, k)",
    "np.intersect1d(i, k)",
    "np.tril_indices(n)",
    "np.tril_indices(n, -1, 4)",
    "np.triu_indices_from(S, 1)",
    "np.diag_indices(n)",
    "np.diag_indices_from(S)",
    "np.unravel_index(i, (2, n))",
    "np.unravel_index(np.argmax(A), (4, 3))",
    "np.matvec(T, x[:4])",
    "np.vecmat(z, S)",
    "np.histogram_bin_edges(x, 4)",
    # polynomials
    "np.polyval(x, s)",
    "np.polyval(k, A)",
    "np.polyder(x)",
    "np.polyder(x, 2)",
    "np.polyint(x)",
    "np.polyadd(x, k)",
    "np.polysub(k, x)",
    "np.polymul(x, k)",
    "np.poly(x)",
    "np.poly(S)",
    "np.polyfit(x, y, 2)",
    "np.vander(x)",
    "np.vander(x, n, increasing=True)",
]

REFUSED = [
    "np.sum(A, axis=2)",
    "np.max(A, where=b)",
    "np.transpose(T, (0, 0, 1))",
    "np.concatenate((A, x))",
    "np.reshape(A, (5, 2))",
    "np.matmul(A, B)",
    "np.matmul(s, A)",
    "np.broadcast_to(x, (2, 5))",
    "np.squeeze(A, 0)",
    "np.einsum('ij,jk', A, B)",
    "np.einsum('ijk->i', A)",
    "np.pad(x, 1, 'linear_ramp')",
    "np.gradient(b)",
    "np.ediff1d(np.astype(x, np.uint8), to_end=1)",
    "np.quantile(x, 0.5, method='closest')",
    "np.take(x, y)",
    "np.ravel(A, 'K')",
    "np.moveaxis(T, (0, 1), 2)",
]


NEED_SIZES = (
    *("squeeze", "split", "array_split", "hsplit", "vsplit", "dsplit", "unstack", "cross"),
    *("concatenate(T", "stack(T"),
)


def mentions(node: ast.AST) -> bool:
    """Whether the expression reads one of the arrays."""
    return any(isinstance(n, ast.Name) and n.id in ARRAYS for n in ast.walk(node))


def is_numpy_call(node: ast.AST) -> bool:
    """Whether the expression is `np.<name>(...)`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np.")


def bound(node: ast.AST, lift: Callable[[Any], Any]) -> Any:
    """The expression with each NumPy function replaced by its binder, and arrays lifted."""
    if is_numpy_call(node):
        assert isinstance(node, ast.Call)
        function = eval(ast.unparse(node.func), {"np": np})
        args = [bound(a, lift) for a in node.args]
        kwargs = {str(k.arg): bound(k.value, lift) for k in node.keywords}
        return TABLE[function](*args, **kwargs)
    if isinstance(node, ast.Tuple | ast.List):
        items = [bound(e, lift) for e in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    value = eval(ast.unparse(node), {"np": np, **ARRAYS})
    return lift(value) if mentions(node) else value


def flat(result: Any) -> list[Any]:
    """The results as a list."""
    return list(result) if isinstance(result, tuple | list) else [result]


def compare(actual: Any, expected: Any) -> None:
    """Same number of results, element types, shapes and numbers."""
    actual, expected = flat(actual), flat(expected)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert_same_type(type_of(a), type_of(e), "result", kinds=np.ndim(e) > 0)
        np.testing.assert_allclose(a, e, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("case", CASES)
def test_call_on_arrays(case: str) -> None:
    expected = eval(case, {"np": np, **ARRAYS})
    compare(bound(ast.parse(case, mode="eval").body, lambda x: x), expected)


@pytest.mark.parametrize("symbols", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("case", CASES)
def test_call_on_handles(case: str, symbols: bool) -> None:
    if symbols and any(case.startswith(f"np.{name}") for name in NEED_SIZES):
        pytest.skip("the call needs to know sizes")
    stage = Staging(symbols, constants=False)
    results = flat(bound(ast.parse(case, mode="eval").body, stage.handle))
    stage.run()
    expected = eval(case, {"np": np, **ARRAYS})
    assert all(isinstance(r, Staged) for r in results)
    compare([stage.value(r) for r in results], expected)


@pytest.mark.parametrize("key", [(slice(0, 3), slice(1, 3)), (slice(0, 1, 3j), slice(2))])
def test_grids(key: Any) -> None:
    binder = TABLE[type(np.mgrid).__getitem__]
    compare(binder(np.mgrid, key), np.mgrid[key])
    compare(binder(np.ogrid, key), np.ogrid[key])


def test_joined_by_brackets() -> None:
    binder, x, y = TABLE[type(np.r_).__getitem__], ARRAYS["x"], ARRAYS["y"]
    compare(binder(np.r_, (x, 1.5, slice(0, 3), y)), np.r_[x, 1.5, 0:3, y])
    compare(binder(np.c_, (x, y)), np.c_[x, y])


@pytest.mark.parametrize("case", REFUSED)
def test_refusal(case: str) -> None:
    stage = Staging(False, constants=False)
    with pytest.raises((TypeError, ValueError)):
        bound(ast.parse(case, mode="eval").body, stage.handle)
