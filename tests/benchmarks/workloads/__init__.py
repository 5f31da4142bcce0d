"""The measured programs; adding one is its definition in a family's file and its name here."""

from tests.benchmarks.workload import Workload
from tests.benchmarks.workloads.dynamics import FDTD, LORENZ, N_BODY
from tests.benchmarks.workloads.elementwise import FUSED, FUSED_SINGLE
from tests.benchmarks.workloads.factorisations import (
    CHOLESKY,
    GRAM_SCHMIDT,
    LEVINSON_DURBIN,
    LU,
    TRIANGULAR_SOLVE,
)
from tests.benchmarks.workloads.images import LENET
from tests.benchmarks.workloads.learning import (
    LINEAR_REGRESSION,
    LOGISTIC_REGRESSION,
    LSTM,
    MLP,
    TOY_CLASSIFIER,
)
from tests.benchmarks.workloads.rows import LAYERNORM, LOGSUMEXP, SOFTMAX
from tests.benchmarks.workloads.scalar import KEPLER, ROSENBROCK, ROSENBROCK_CHAIN
from tests.benchmarks.workloads.sparse_dp import (
    ALIGNMENT,
    CSR_PRODUCT,
    HIDDEN_MARKOV,
    HISTOGRAM,
    TIME_WARPING,
)
from tests.benchmarks.workloads.stencils import ADI, GAUSS_SEIDEL, HEAT_3D, JACOBI_2D, UPWIND
from tests.benchmarks.workloads.suite import ADJUSTMENT, LANGUAGE_MODEL, MIXTURE

WORKLOADS: dict[str, Workload] = {
    w.name: w
    for w in (
        KEPLER, ROSENBROCK, ROSENBROCK_CHAIN, FUSED, FUSED_SINGLE, LOGSUMEXP, SOFTMAX,
        LAYERNORM, GAUSS_SEIDEL, JACOBI_2D, HEAT_3D, ADI, UPWIND, CHOLESKY, LU,
        TRIANGULAR_SOLVE, GRAM_SCHMIDT, LEVINSON_DURBIN, N_BODY, LORENZ, FDTD, CSR_PRODUCT,
        HISTOGRAM, TIME_WARPING, HIDDEN_MARKOV, ALIGNMENT, LINEAR_REGRESSION, TOY_CLASSIFIER,
        LOGISTIC_REGRESSION, MLP, LSTM, LENET, MIXTURE, ADJUSTMENT, LANGUAGE_MODEL,
    )
}  # fmt: skip
