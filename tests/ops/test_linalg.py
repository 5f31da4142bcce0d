"""Calls of np.linalg and np.fft as users write them, and derivatives at special points."""

# a rule that an op lacks is None, and fails the test that calls it
# pyright: reportOptionalCall=false

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stagec import ops
from stagec.ir.types import type_of
from stagec.ops.decompositions import eigh, qr
from stagec.ops.linalg import cholesky, cofactor, cofactor_slope, det, solve
from stagec.ops.norms import norm
from stagec.ops.singular import svd

BINDERS = {function: binder for op in ops.ALL for function, binder in op.calls}


def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


rules = load("rules")


def namespace(module):
    """The module with the functions that stagec knows replaced by their binders."""
    return SimpleNamespace(
        **{n: BINDERS[f] for n in dir(module)
           if callable(f := getattr(module, n)) and not isinstance(f, type) and f in BINDERS}
    )  # fmt: skip


LINALG, FFT = namespace(np.linalg), namespace(np.fft)
M = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.1, 1.2]])
S = M @ M.T
VALUES = {
    "M": M, "S": S, "x": np.array([0.3, 0.7, 1.3, 2.1, 0.9, 1.7]), "v": M[0],
    "Z": M + 1j * M.T, "A": np.array([M, S]), "T": np.arange(12.0).reshape(4, 3) % 5,
}  # fmt: skip

CALLS = """
linalg.solve(M, v); linalg.solve(A, v); linalg.solve(M, M); linalg.inv(A); linalg.det(M);
linalg.det(A); linalg.slogdet(M); linalg.slogdet(Z); linalg.cholesky(S);
linalg.cholesky(S, upper=True); linalg.qr(T); linalg.qr(T, mode='r');
linalg.qr(T, 'complete'); linalg.qr(T[1:].T); linalg.eigh(S); linalg.eigh(S, 'U');
linalg.eigvalsh(S); linalg.eigvalsh(S, UPLO='U'); linalg.svd(T); linalg.svd(T, False);
linalg.svd(T, compute_uv=False); linalg.svdvals(T); linalg.norm(x); linalg.norm(x, 1);
linalg.norm(x, 2); linalg.norm(x, 3); linalg.norm(x, np.inf); linalg.norm(x, -np.inf);
linalg.norm(x, 0); linalg.norm(M); linalg.norm(M, 'fro'); linalg.norm(M, 'nuc');
linalg.norm(M, 1); linalg.norm(M, -1); linalg.norm(M, 2); linalg.norm(M, -2);
linalg.norm(M, np.inf); linalg.norm(M, axis=0); linalg.norm(M, axis=-1, keepdims=True);
linalg.norm(A); linalg.norm(A, axis=(1, 2)); linalg.norm(A, 2, (0, 2));
linalg.norm(A, 1, axis=(2, 1)); linalg.norm(M, 3, 1); linalg.vector_norm(M);
linalg.vector_norm(A, axis=(0, 1), ord=3); linalg.vector_norm(A, axis=(0, 1), ord=np.inf);
linalg.matrix_norm(A); linalg.norm(Z); linalg.matrix_norm(A, ord=1, keepdims=True);
linalg.cond(M); linalg.cond(A, 1); linalg.cond(M, 'fro'); linalg.cond(M, -2);
linalg.lstsq(T, x[:4]); linalg.pinv(T); linalg.pinv(T, 1e-3); linalg.matrix_rank(T);
linalg.matrix_power(M, 3); linalg.matrix_power(M, 0); linalg.matrix_power(A, -2);
linalg.tensorinv(M, 1); linalg.tensorsolve(M, v); linalg.trace(A); linalg.diagonal(A);
linalg.outer(v, x); linalg.vecdot(M, S); linalg.matmul(M, A);
linalg.tensordot(M, S, axes=1); linalg.matrix_transpose(A); linalg.multi_dot([v, M, S]);
fft.fft(x); fft.fft(x, 4); fft.fft(M, axis=0); fft.fft(x, norm='ortho'); fft.ifft(x, 8);
fft.rfft(x); fft.rfft(x[:5]); fft.rfft(x, 9); fft.irfft(x); fft.irfft(Z, 3);
fft.irfft(Z, axis=0, norm='forward'); fft.hfft(x); fft.hfft(Z, 3); fft.ihfft(x);
fft.ihfft(x, 5); fft.fft2(A); fft.ifft2(M); fft.fftn(A); fft.fftn(A, axes=(0, 2));
fft.fftn(A, (2, 4), (1, 2)); fft.ifftn(Z); fft.rfft2(A); fft.rfftn(A);
fft.rfftn(M, s=(2, -1), axes=(0, 1)); fft.irfft2(Z); fft.irfftn(Z);
fft.irfftn(Z, s=(3, 3), axes=(0, 1), norm='ortho'); fft.fftshift(M); fft.fftshift(x);
fft.fftshift(A, axes=1); fft.ifftshift(x[:5]); fft.ifftshift(A, axes=(0, -1));
fft.fftfreq(6); fft.rfftfreq(5, v[0])
"""
EXPRESSIONS = [c.strip() for c in CALLS.split(";")]


@pytest.mark.parametrize("call", EXPRESSIONS)
@pytest.mark.parametrize("symbols", [False, True])
def test_calls(call, symbols):
    stage = rules.Staging(symbols, constants=False)
    handles = {k: stage.handle(v) for k, v in VALUES.items()}
    plain = {"T": VALUES["T"], "x": VALUES["x"]}
    for name, value in plain.items():  # slices of operands are operands of their own
        for part in ("[1:].T", "[:4]", "[:5]"):
            if f"{name}{part}" in call:
                handles["part"] = stage.handle(eval(f"a{part}", {"a": value}))
    staged = call
    for part in ("T[1:].T", "x[:4]", "x[:5]"):
        staged = staged.replace(part, "part")
    staged = staged.replace("v[0]", "0.2")
    want = eval(
        call.replace("v[0]", "0.2"), {**VALUES, "np": np, "linalg": np.linalg, "fft": np.fft}
    )
    got = eval(staged, {**handles, "np": np, "linalg": LINALG, "fft": FFT})
    stage.run()
    assert isinstance(got, tuple) == isinstance(want, tuple)
    for a, b in zip(rules.as_tuple(got), rules.as_tuple(want), strict=True):
        value = stage.value(a) if hasattr(a, "operand") else a
        np.testing.assert_array_equal(value, b)
        assert np.asarray(value).dtype == np.asarray(b).dtype


def test_norm_at_zero_has_slope_zero():
    x = np.zeros(3)
    for order in (None, 1, 3):
        attrs = {"order": order, "axes": (0,), "keepdims": False}
        assert norm.vjp(np.float64(1), np.float64(0), x, **attrs)[0].tolist() == [0, 0, 0]


def test_derivative_of_a_singular_determinant():
    for a in (np.array([[1.0, 2.0], [2.0, 4.0]]), np.diag([1.0, 0.0, 2.0]), np.zeros((2, 2))):
        (a_bar,) = det.vjp(np.float64(1), np.float64(0), a)
        h = 1e-3
        basis = np.eye(a.size).reshape(-1, *a.shape)
        slopes = [
            (np.linalg.det(a + h * e) - np.linalg.det(a - h * e)) / (2 * h) for e in basis
        ]
        np.testing.assert_allclose(a_bar.ravel(), slopes, atol=1e-9)
    assert np.array_equal(cofactor(np.zeros((3, 3))), np.zeros((3, 3)))


@pytest.mark.parametrize("phase", [1.0, 1j])
def test_second_derivative_of_a_singular_determinant(phase):
    rng = np.random.default_rng(3)
    thin = rng.normal(size=(4, 2)) + phase * rng.normal(size=(4, 2))
    hole = thin @ (rng.normal(size=(2, 4)) - phase)
    singular = (np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]]) * phase, np.zeros((1, 1)))
    for a in (*singular, hole, np.zeros((3, 3))):
        d = rng.normal(size=a.shape) + phase * rng.normal(size=a.shape)
        h = 1e-4
        expected = (cofactor(a + h * d) - cofactor(a - h * d)) / (2 * h)
        np.testing.assert_allclose(cofactor_slope(a, d), expected, atol=1e-5)


def test_only_the_triangle_that_is_read_gets_a_cotangent():
    (a_bar,) = cholesky.vjp(np.ones((3, 3)), np.linalg.cholesky(S), S)
    assert not np.triu(a_bar, 1).any()
    w, v = np.linalg.eigh(S)
    (a_bar,) = eigh.vjp((np.ones(3), None), (w, v), S, triangle="U")
    assert not np.tril(a_bar, -1).any()


def test_repeated_values_have_finite_derivatives():
    w, v = np.linalg.eigh(np.eye(3))
    (a_bar,) = eigh.vjp((np.arange(3.0), None), (w, v), np.eye(3), triangle="L")
    np.testing.assert_allclose(np.trace(a_bar), 3)
    u, s, vh = np.linalg.svd(np.eye(3))
    (a_bar,) = svd.vjp((None, np.ones(3), None), (u, s, vh), np.eye(3), full=True)
    np.testing.assert_allclose(a_bar, np.eye(3))


def test_vectors_that_fill_up_a_basis_have_no_derivative():
    tall = VALUES["T"]
    u, s, vh = np.linalg.svd(tall)
    with pytest.raises(ValueError, match="full_matrices"):
        svd.vjp((u, s, vh), (u, s, vh), tall, full=True)
    ct = np.concatenate([u[:, :3], 0 * u[:, 3:]], axis=1)
    (a_bar,) = svd.vjp((ct, s, vh), (u, s, vh), tall, full=True)
    thin = (u[:, :3], s, vh)
    np.testing.assert_allclose(a_bar, svd.vjp(thin, thin, tall, full=False)[0])
    (a_bar,) = svd.vjp((None, np.ones(3), None), (u, s, vh), tall, full=True)
    np.testing.assert_allclose(a_bar, u[:, :3] @ vh)
    du, ds, _ = svd.jvp((tall,), (u, s, vh), tall, full=True)
    np.testing.assert_allclose(ds, s)
    np.testing.assert_allclose(du[:, :3], 0, atol=1e-12)
    assert np.isnan(du[:, 3:]).all()
    with pytest.raises(TypeError, match="complete"):
        qr.vjp((None, None), np.linalg.qr(tall, "complete"), tall, mode="complete")


def test_errors_name_what_does_not_fit():
    for op, args in [(det, [VALUES["T"][:3, :2]]), (solve, [M, VALUES["x"]])]:
        with pytest.raises(TypeError, match=op.name):
            op.infer(*map(type_of, args))
