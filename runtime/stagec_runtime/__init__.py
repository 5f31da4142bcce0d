"""Support code that generated programs import; depends on NumPy and nothing else."""

from stagec_runtime.arrays import (
    convolve_rows as convolve_rows,
    diag_rows as diag_rows,
    embed_diagonal as embed_diagonal,
    from_parts as from_parts,
    other_factors as other_factors,
    partition_order as partition_order,
    quotient as quotient,
    recurrence as recurrence,
    roots as roots,
)
from stagec_runtime.attempts import attempt as attempt
from stagec_runtime.fourier import double_inner as double_inner, fit_axis as fit_axis
from stagec_runtime.indexing import overwritten as overwritten
from stagec_runtime.lists import (
    add_lists as add_lists,
    collapse_list as collapse_list,
    copy_list as copy_list,
    last as last,
    rows_like as rows_like,
    split_like as split_like,
    stretch_list as stretch_list,
    zeros_like_list as zeros_like_list,
)
from stagec_runtime.loader import Loaded as Loaded, load as load
from stagec_runtime.matrices import (
    cofactor as cofactor,
    cofactor_slope as cofactor_slope,
    eig as eig,
    eigvals as eigvals,
    half_lower as half_lower,
    inverse_gaps as inverse_gaps,
    peaks as peaks,
)
from stagec_runtime.overlap import apart as apart
from stagec_runtime.shapes import agree as agree, unbroadcast as unbroadcast
from stagec_runtime.special import (
    erf as erf,
    erfc as erfc,
    gamma as gamma,
    lgamma as lgamma,
    polygamma as polygamma,
)
from stagec_runtime.store import store as store
