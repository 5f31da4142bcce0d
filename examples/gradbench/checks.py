"""What the programs must answer: values of the specification, and derivatives that agree.

Each derivative is compared with one found in another way: by forward mode along a direction, by
reverse mode row by row, or by differences.
"""

import importlib

import numpy as np

import stagec
from examples.gradbench.descent import GRADIENT
from examples.gradbench.protocol import EVALS, Tool, samples
from examples.gradbench.values import VALUES, Beginning


def check_values(name, backend):
    """The answers of the tool are the values of the specification."""
    tool = Tool(backend, ahead=False)
    defined = tool.answer({"id": 0, "kind": "define", "module": name})
    assert defined["success"], defined["error"]
    for function, message, expected in VALUES[name]:
        answer = tool.answer(
            {
                "id": 1,
                "kind": "evaluate",
                "module": name,
                "function": function,
                "input": message,
            }
        )
        assert answer["success"], answer["error"]
        compare(answer["output"], expected)


def compare(found, expected):
    """The same structure, and the same numbers as far as they are given; raises if not."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, part in expected.items():
            compare(found[key], part)
    elif isinstance(expected, Beginning):
        flat = np.array(found, float).ravel()
        np.testing.assert_allclose(flat[: len(expected)], expected, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def check_derivatives(name, backend):
    """The derivatives of the eval agree with those found in another way."""
    module = importlib.import_module(f"examples.gradbench.{name}")
    functions = module.functions(backend)
    for sample in samples(module):
        CHECKS[name](module, functions, module.prepare(sample))


def along(x, rng):
    return tuple(rng.normal(size=np.shape(part)) for part in x)


def difference(f, x, direction, h=1e-6):
    """The derivative of f at x along the direction, by a central difference."""
    ahead = f(*(part + h * d for part, d in zip(x, direction, strict=True)))
    behind = f(*(part - h * d for part, d in zip(x, direction, strict=True)))
    return (ahead - behind) / (2 * h)


def gradient_check(name, key, variables, function=None):
    """A check of the gradient `key` in the first arguments, as many as there are variables."""

    def check(module, functions, arguments):
        x, rest = arguments[:variables], arguments[variables:]
        found = functions[key](*arguments)
        found = found if isinstance(found, tuple) else (found,)
        objective = getattr(module, function or name)

        def f(*x):
            return objective(*x, *rest)

        direction = along(x, np.random.default_rng(1))
        slope = sum(np.sum(g * d) for g, d in zip(found, direction, strict=True))
        forward = stagec.jvp(f, x, direction)[1]
        np.testing.assert_allclose(slope, forward, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(slope, difference(f, x, direction), rtol=1e-5, atol=1e-7)

    return check


def check_hello(module, functions, arguments):
    (x,) = arguments
    np.testing.assert_allclose(functions["double"](x), difference(module.square, (x,), (1.0,)))


def check_kmeans(module, functions, arguments):
    """The quotient of differences of the cost and of its gradient."""
    centroids, points = arguments
    gradient = stagec.grad(module.cost)
    ones = np.ones_like(centroids)
    diagonal = difference(lambda c: gradient(c, points), (centroids,), (ones,))
    direction = along((centroids,), np.random.default_rng(1))
    slope = difference(lambda c: module.cost(c, points), (centroids,), direction)
    found = functions["dir"](centroids, points)
    np.testing.assert_allclose(np.sum(found * diagonal * direction[0]), slope, rtol=1e-5)


def check_ht(module, functions, arguments):
    """Columns by forward mode are rows by reverse mode."""
    theta, us, *rest = arguments
    found = functions["jacobian"](theta, us, *rest)
    of_theta = stagec.jacrev(module.objective)(*arguments)
    np.testing.assert_allclose(found[:, -26:], of_theta, rtol=1e-9, atol=1e-9)
    if us is None:
        return
    of_us = stagec.jacrev(module.objective, argnums=1)(*arguments)
    own = np.repeat(np.arange(len(us)), 3)
    np.testing.assert_allclose(found[:, :2], of_us[np.arange(len(own)), own], atol=1e-9)


def check_ba(module, functions, arguments):
    """The sparse Jacobian times a direction is the derivative along it, by forward mode."""
    x, rest = arguments[:3], arguments[3:]
    rows, columns, values = functions["jacobian"](*arguments)
    direction = along(x, np.random.default_rng(1))
    terms = values * np.concatenate([d.ravel() for d in direction])[columns]
    product = np.add.reduceat(terms, rows[:-1])

    def f(*x):
        errors, of_weights = module.objective(*x, *rest)
        return np.concatenate([errors.ravel(), of_weights])

    np.testing.assert_allclose(product, stagec.jvp(f, x, direction)[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(product, difference(f, x, direction), rtol=1e-5, atol=1e-5)


def check_particle(module, functions, arguments):
    """All four modes give the derivative of the landing place."""
    w = 0.1
    gradient = stagec.grad(module.potential)
    attraction = lambda position, charges: -gradient(position, charges)
    plain = difference(lambda w: module.landing(w, attraction), (w,), (1.0,))
    for outer in "fr":
        for inner in "fr":
            force = GRADIENT[inner](module.potential)

            def landing(w, force=force):
                return module.landing(w, lambda x, charges: -force(x, charges))

            np.testing.assert_allclose(GRADIENT[outer](landing)(w), plain, rtol=1e-5)


def check_saddle(module, functions, arguments):
    """All four modes give the derivative of the greatest value."""
    x, start = np.array([0.5, -0.25]), np.array([0.3, 0.2])
    for outer in "fr":
        for inner in "fr":

            def worst(x, inner=inner):
                return module.f(x, module.best(x, start, inner))

            np.testing.assert_allclose(GRADIENT[outer](worst)(x), 2 * x, rtol=1e-9)


CHECKS = {
    "hello": check_hello,
    "llsq": gradient_check("primal", "gradient", 1),
    "lse": gradient_check("primal", "gradient", 1),
    "det": gradient_check("primal", "gradient", 1),
    "ode": gradient_check("primal", "gradient", 1, "last"),
    "gmm": gradient_check("objective", "jacobian", 4),
    "lstm": gradient_check("objective", "jacobian", 2),
    "kmeans": check_kmeans,
    "ht": check_ht,
    "ba": check_ba,
    "particle": check_particle,
    "saddle": check_saddle,
}


def main(names, backend):
    """Run the checks of the evals (all of them if none is named)."""
    for name in names or EVALS:
        check_values(name, backend)
        check_derivatives(name, backend)
        print(f"{name}: values and derivatives agree")
    return 0
