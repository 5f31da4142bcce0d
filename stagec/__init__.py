"""stagec: compile and differentiate the NumPy program you already have."""

from stagec.api import (
    Static as Static,
    grad as grad,
    jit as jit,
    jvp as jvp,
    spec as spec,
    static as static,
    stop_gradient as stop_gradient,
    unroll as unroll,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from stagec.errors import StagecError as StagecError
from stagec.jacobians import hessian as hessian, hvp as hvp, jacfwd as jacfwd, jacrev as jacrev
from stagec.mapping import vmap as vmap

__version__ = "0.1.0"
