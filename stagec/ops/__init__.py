"""Every op, by name and in `ALL`: each family module contributes its `OPS`."""

from __future__ import annotations

from stagec.ir.core import Op
from stagec.ops.arithmetic import (
    OPS as ARITHMETIC,
    Handle as Handle,
    add as add,
    divide as divide,
    float_power as float_power,
    log as log,
    multiply as multiply,
    negative as negative,
    positive as positive,
    pow_ as pow_,
    power as power,
    quotient as quotient,
    subtract as subtract,
)
from stagec.ops.arrays import (
    OPS as ARRAYS,
    array_of as array_of,
    ascontiguousarray as ascontiguousarray,
    asfortranarray as asfortranarray,
    to_array as to_array,
)
from stagec.ops.as_long import (
    OPS as AS_LONG,
    as_long as as_long,
)
from stagec.ops.assembling import OPS as ASSEMBLING, put_together as put_together
from stagec.ops.attempts import OPS as ATTEMPTS, attempt as attempt, tried as tried
from stagec.ops.averages import (
    OPS as AVERAGES,
    average as average,
    nanmean as nanmean,
    nanprod as nanprod,
    nanstd as nanstd,
    nansum as nansum,
    nanvar as nanvar,
)
from stagec.ops.axes import (
    OPS as AXES,
    expand_dims as expand_dims,
    squeeze as squeeze,
    transpose as transpose,
)
from stagec.ops.bilinear import (
    OPS as BILINEAR,
    convolve as convolve,
    convolve_full as convolve_full,
    correlate as correlate,
    cross as cross,
    kron as kron,
    vdot as vdot,
    vecdot as vecdot,
)
from stagec.ops.broadcast import (
    OPS as BROADCAST,
    broadcast_like as broadcast_like,
    broadcast_to as broadcast_to,
    broadcast_with as broadcast_with,
    stretch as stretch,
    sum_ as sum_,
    unbroadcast as unbroadcast,
)
from stagec.ops.cast import (
    OPS as CAST,
    astype as astype,
    conj as conj,
    imag as imag,
    real as real,
    to_numpy as to_numpy,
    to_python as to_python,
)
from stagec.ops.comparison import (
    OPS as COMPARISON,
    allclose as allclose,
    array_equal as array_equal,
    bitwise_and as bitwise_and,
    bitwise_count as bitwise_count,
    bitwise_or as bitwise_or,
    bitwise_xor as bitwise_xor,
    equal as equal,
    gcd as gcd,
    greater as greater,
    greater_equal as greater_equal,
    invert as invert,
    isclose as isclose,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    lcm as lcm,
    left_shift as left_shift,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    not_ as not_,
    not_equal as not_equal,
    right_shift as right_shift,
    signbit as signbit,
    spacing as spacing,
)
from stagec.ops.complex_parts import (
    OPS as COMPLEX_PARTS,
    from_parts as from_parts,
    make_complex as make_complex,
)
from stagec.ops.copying import (
    OPS as COPYING,
    copy as copy,
)
from stagec.ops.creation import (
    OPS as CREATION,
    empty as empty,
    empty_like as empty_like,
    ones as ones,
    ones_like as ones_like,
    zeros as zeros,
    zeros_like as zeros_like,
)
from stagec.ops.cumulative import (
    OPS as CUMULATIVE,
    cumprod as cumprod,
    cumsum as cumsum,
    nancumprod as nancumprod,
    nancumsum as nancumsum,
    other_factors as other_factors,
    prod as prod,
    recurrence as recurrence,
)
from stagec.ops.decompositions import (
    OPS as DECOMPOSITIONS,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    qr as qr,
)
from stagec.ops.diagonals import (
    OPS as DIAGONALS,
    diag as diag,
    diag_rows as diag_rows,
    diagonal as diagonal,
    embed_diagonal as embed_diagonal,
    eye as eye,
    trace as trace,
    tri as tri,
    tril as tril,
    triu as triu,
)
from stagec.ops.differences import (
    OPS as DIFFERENCES,
    diff as diff,
    ediff1d as ediff1d,
    gradient as gradient,
    trapezoid as trapezoid,
    unwrap as unwrap,
)
from stagec.ops.distinct import OPS as DISTINCT, unique as unique
from stagec.ops.effects import (
    OPS as EFFECTS,
    agree as agree,
    check as check,
    check_defined as check_defined,
    draw as draw,
    generator as generator,
    host_call as host_call,
    print_ as print_,
    raise_ as raise_,
    reaches as reaches,
)
from stagec.ops.exponential import (
    OPS as EXPONENTIAL,
    binary_exponent as binary_exponent,
    cbrt as cbrt,
    erf as erf,
    erfc as erfc,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    gamma as gamma,
    ldexp as ldexp,
    lgamma as lgamma,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    mantissa as mantissa,
    nextafter as nextafter,
    polygamma as polygamma,
    reciprocal as reciprocal,
    sqrt as sqrt,
    square as square,
)
from stagec.ops.extent import (
    OPS as EXTENT,
    before as before,
    distance as distance,
    extent as extent,
    from_start as from_start,
    inside as inside,
    inside_if_any as inside_if_any,
    natural as natural,
    place as place,
    range_length as range_length,
)
from stagec.ops.extremes import (
    OPS as EXTREMES,
    larger as larger,
    smaller as smaller,
)
from stagec.ops.extremum_positions import (
    OPS as EXTREMUM_POSITIONS,
    argmax as argmax,
    argmin as argmin,
    nanargmax as nanargmax,
    nanargmin as nanargmin,
)
from stagec.ops.filling import (
    OPS as FILLING,
    full as full,
    full_like as full_like,
)
from stagec.ops.folding import (
    OPS as FOLDING,
    plus as plus,
    times as times,
)
from stagec.ops.fourier import (
    OPS as FOURIER,
    double_inner as double_inner,
    fft as fft,
    fftfreq as fftfreq,
    fftn as fftn,
    fftshift as fftshift,
    fit_axis as fit_axis,
    hfft as hfft,
    ifft as ifft,
    ifftn as ifftn,
    ifftshift as ifftshift,
    ihfft as ihfft,
    irfft as irfft,
    irfftn as irfftn,
    rfft as rfft,
    rfftfreq as rfftfreq,
    rfftn as rfftn,
)
from stagec.ops.grids import (
    OPS as GRIDS,
    indices as indices,
    meshgrid as meshgrid,
)
from stagec.ops.growing import OPS as GROWING, doubled as doubled, kept as kept
from stagec.ops.handing import OPS as HANDING, handed as handed
from stagec.ops.indexing import (
    OPS as INDEXING,
    accumulate as accumulate,
    overwritten as overwritten,
    read as read,
    update as update,
)
from stagec.ops.joining import (
    OPS as JOINING,
    column_stack as column_stack,
    concatenate as concatenate,
    dstack as dstack,
    hstack as hstack,
    stack as stack,
    vstack as vstack,
)
from stagec.ops.linalg import (
    OPS as LINALG,
    cholesky as cholesky,
    cofactor as cofactor,
    cofactor_slope as cofactor_slope,
    det as det,
    inv as inv,
    slogdet as slogdet,
    solve as solve,
)
from stagec.ops.list_arrays import (
    OPS as LIST_ARRAYS,
    list_concatenate as list_concatenate,
    list_rows as list_rows,
    list_split as list_split,
    list_stack as list_stack,
    list_unstack as list_unstack,
)
from stagec.ops.list_batches import (
    OPS as LIST_BATCHES,
    list_collapse as list_collapse,
    list_stretch as list_stretch,
)
from stagec.ops.list_casts import (
    OPS as LIST_CASTS,
    list_cast as list_cast,
)
from stagec.ops.list_full import OPS as LIST_FULL, list_full as list_full
from stagec.ops.lists import (
    OPS as LISTS,
    list_add as list_add,
    list_append as list_append,
    list_assign as list_assign,
    list_copy as list_copy,
    list_get as list_get,
    list_length as list_length,
    list_new as list_new,
    list_pop as list_pop,
    list_set as list_set,
    list_zeros as list_zeros,
)
from stagec.ops.masks import (
    OPS as MASKS,
    mask as mask,
)
from stagec.ops.matrices import (
    OPS as MATRICES,
    half_lower as half_lower,
    inverse_gaps as inverse_gaps,
    peaks as peaks,
)
from stagec.ops.norms import (
    OPS as NORMS,
    norm as norm,
    norm_by as norm_by,
)
from stagec.ops.padding import (
    OPS as PADDING,
    pad as pad,
    pad_constant as pad_constant,
)
from stagec.ops.polynomials import (
    OPS as POLYNOMIALS,
    poly as poly,
    polyder as polyder,
    polyfit as polyfit,
    polyint as polyint,
    polyval as polyval,
    roots as roots,
    vander as vander,
)
from stagec.ops.positions import (
    OPS as POSITIONS,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
    unravel_index as unravel_index,
)
from stagec.ops.products import (
    OPS as PRODUCTS,
    matmul as matmul,
    outer as outer,
)
from stagec.ops.pseudoinverse import (
    OPS as PSEUDOINVERSE,
    cond as cond,
    lstsq as lstsq,
    matrix_rank as matrix_rank,
    pinv as pinv,
)
from stagec.ops.quantiles import (
    OPS as QUANTILES,
    median as median,
    nanmedian as nanmedian,
    nanpercentile as nanpercentile,
    nanquantile as nanquantile,
    percentile as percentile,
    quantile as quantile,
)
from stagec.ops.ranges import (
    OPS as RANGES,
    arange as arange,
    geomspace as geomspace,
    linspace as linspace,
    logspace as logspace,
)
from stagec.ops.rearrange import (
    OPS as REARRANGE,
    repeat as repeat,
    roll as roll,
    tile as tile,
)
from stagec.ops.reduction import (
    OPS as REDUCTION,
    all_ as all_,
    any_ as any_,
    count_nonzero as count_nonzero,
    max_ as max_,
    mean as mean,
    min_ as min_,
    nanmax as nanmax,
    nanmin as nanmin,
    ptp as ptp,
    size_of as size_of,
    std as std,
    var as var,
)
from stagec.ops.rounding import (
    OPS as ROUNDING,
    absolute as absolute,
    ceil as ceil,
    clip as clip,
    clip_above as clip_above,
    clip_below as clip_below,
    copysign as copysign,
    fabs as fabs,
    floor as floor,
    floor_divide as floor_divide,
    fmax as fmax,
    fmin as fmin,
    fmod as fmod,
    fraction as fraction,
    heaviside as heaviside,
    maximum as maximum,
    minimum as minimum,
    nan_to_num as nan_to_num,
    phase as phase,
    py_max as py_max,
    py_min as py_min,
    py_round as py_round,
    remainder as remainder,
    rint as rint,
    round_ as round_,
    sign as sign,
    trunc as trunc,
)
from stagec.ops.scalar_math import (
    OPS as SCALAR_MATH,
    comb as comb,
    factorial as factorial,
    ieee_remainder as ieee_remainder,
    isqrt as isqrt,
    math_fsum as math_fsum,
    math_hypot as math_hypot,
    math_isclose as math_isclose,
    perm as perm,
)
from stagec.ops.search import (
    OPS as SEARCH,
    argpartition as argpartition,
    argsort as argsort,
    argwhere as argwhere,
    digitize as digitize,
    flatnonzero as flatnonzero,
    nonzero as nonzero,
    searchsorted as searchsorted,
)
from stagec.ops.select import (
    OPS as SELECT,
    choose as choose,
    stop_gradient as stop_gradient,
    where as where,
)
from stagec.ops.selected import (
    OPS as SELECTED,
    mean_where as mean_where,
    prod_where as prod_where,
    sum_where as sum_where,
)
from stagec.ops.shape import (
    OPS as SHAPE,
    flatten as flatten,
    ravel as ravel,
    reshape as reshape,
    reshape_like as reshape_like,
)
from stagec.ops.singular import OPS as SINGULAR, svd as svd, svdvals as svdvals
from stagec.ops.sliding import OPS as SLIDING, sliding_windows as sliding_windows
from stagec.ops.sorting import (
    OPS as SORTING,
    partition as partition,
    partition_order as partition_order,
    sort as sort,
    take_along_axis as take_along_axis,
)
from stagec.ops.statistics import (
    OPS as STATISTICS,
    bincount as bincount,
    corrcoef as corrcoef,
    cov as cov,
    histogram_counts as histogram_counts,
    histogram_edges as histogram_edges,
    histogram_even as histogram_even,
    interp as interp,
)
from stagec.ops.subscripts import (
    OPS as SUBSCRIPTS,
    einsum as einsum,
)
from stagec.ops.tensordot import OPS as TENSORDOT, tensordot as tensordot
from stagec.ops.tensors import (
    OPS as TENSORS,
    matrix_power as matrix_power,
    multi_dot as multi_dot,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
)
from stagec.ops.text import (
    OPS as TEXT,
    concat as concat,
    format_ as format_,
    text_compare as text_compare,
    text_join as text_join,
    text_length as text_length,
)
from stagec.ops.trigonometric import (
    OPS as TRIGONOMETRIC,
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    cos as cos,
    cosh as cosh,
    degrees as degrees,
    hypot as hypot,
    radians as radians,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    tan as tan,
    tanh as tanh,
)

ALL: tuple[Op, ...] = (
    *CAST,
    *COMPLEX_PARTS,
    *COPYING,
    *MASKS,
    *ARITHMETIC,
    *COMPARISON,
    *EXPONENTIAL,
    *TRIGONOMETRIC,
    *ROUNDING,
    *SELECT,
    *ARRAYS,
    *AS_LONG,
    *AVERAGES,
    *AXES,
    *BILINEAR,
    *BROADCAST,
    *CREATION,
    *CUMULATIVE,
    *DECOMPOSITIONS,
    *DIAGONALS,
    *DIFFERENCES,
    *DISTINCT,
    *ATTEMPTS,
    *EFFECTS,
    *EXTENT,
    *FILLING,
    *EXTREMES,
    *FOLDING,
    *FOURIER,
    *GRIDS,
    *ASSEMBLING,
    *HANDING,
    *GROWING,
    *INDEXING,
    *JOINING,
    *LINALG,
    *LIST_FULL,
    *LISTS,
    *LIST_ARRAYS,
    *LIST_BATCHES,
    *LIST_CASTS,
    *MATRICES,
    *NORMS,
    *PADDING,
    *POLYNOMIALS,
    *POSITIONS,
    *PRODUCTS,
    *TENSORDOT,
    *PSEUDOINVERSE,
    *QUANTILES,
    *RANGES,
    *REARRANGE,
    *EXTREMUM_POSITIONS,
    *REDUCTION,
    *SCALAR_MATH,
    *SEARCH,
    *SELECTED,
    *SHAPE,
    *SINGULAR,
    *SLIDING,
    *SORTING,
    *STATISTICS,
    *SUBSCRIPTS,
    *TENSORS,
    *TEXT,
)
