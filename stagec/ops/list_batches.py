"""Batches of lists: every element has the batch axis in front."""

from __future__ import annotations

import stagec_runtime as rt
from stagec.ir.core import Op
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops.list_form import element_type, list_op


def _stretch_infer(xs: Type, like: Type) -> ListType:
    element = element_type(xs)
    while isinstance(like, ListType):
        like = like.element
    if isinstance(element, ListType):
        return ListType(_stretch_infer(element, like))
    if not isinstance(element, ArrayType) or not isinstance(like, ArrayType):
        raise TypeError(f"vmap: a list of {element} cannot be batched")
    return ListType(ArrayType(element.dtype, (like.shape[0], *element.shape)))


# every element repeated along a new first axis, of the length of `like` or of its elements
list_stretch = list_op(
    "list_stretch",
    infer=_stretch_infer,
    value=lambda xs, like: rt.stretch_list(xs, like),
    source="rt.stretch_list({}, {})",
    vjp=lambda ct, out, xs, like: (list_collapse(ct, xs), None),
    jvp=lambda dxs, out, xs, like: None if dxs[0] is None else list_stretch(dxs[0], like),
    batch=None,
    alias=0,
    shapes=(1,),
)


def _collapse_infer(xs: Type, like: ListType) -> ListType:
    element_type(xs)
    return like


# every element summed over its first axis; `like` tells what numbers become
list_collapse = list_op(
    "list_collapse",
    infer=_collapse_infer,
    value=lambda xs, like: rt.collapse_list(xs, like),
    source="rt.collapse_list({}, {})",
    vjp=lambda ct, out, xs, like: (list_stretch(ct, xs), None),
    jvp=lambda dxs, out, xs, like: None if dxs[0] is None else list_collapse(dxs[0], like),
    batch=None,
    shapes=(1,),
)


OPS: tuple[Op, ...] = (list_stretch, list_collapse)
