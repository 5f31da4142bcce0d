"""Calls of the machine's own functions for rare operands, from loops that stay vectorised.

A vectorised loop cannot branch for one element. So the loop passes its operands, with 0 in
place of the common ones, to a function of which there are vector variants: they return at once
where all elements are 0. The loop vectoriser finds them by the attribute of the call.
Reference: the attribute `vector-function-abi-variant` in the LLVM language reference.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from stagec_runtime.elementary.formats import DOUBLE, SINGLE, Format
from stagec_runtime.elementary.staging import FLOATS, Number, Truth, where

WIDTHS = {DOUBLE: (2, 4, 8), SINGLE: (4, 8, 16)}  # numbers in vectors of 128 to 512 bits


def rarely(condition: Truth, name: str, x: Number, y: Number) -> Number:
    """The machine's function of `x` where the condition holds, else `y`."""
    operand = where(condition, x, 0.0)
    function = _scalar(x.builder.module, name, x.format)
    call = x.builder.call(function, [operand.value])
    variants = ",".join(
        f"_ZGV_LLVM_N{n}v_{function.name}({function.name}_{n})" for n in WIDTHS[x.format]
    )
    # llvmlite knows no attributes with values
    set.add(call.attributes, f'"vector-function-abi-variant"="{variants}"')
    return where(condition, x.like(call), y)


def _scalar(module: Any, name: str, format: Format) -> Any:
    """The function of one number, made with its variants when it is first asked for."""
    kind = FLOATS[format]
    label = f"stagec_rare_{name}_{format.bits}"
    if label in module.globals:
        return module.globals[label]
    function = _function(module, label, kind)
    machine = module.declare_intrinsic(f"llvm.{name}", (kind,))
    x, builder = _unless_zero(function, lambda b, x: b.fcmp_unordered("!=", x, x.type(0.0)))
    builder.ret(builder.call(machine, [x]))
    for n in WIDTHS[format]:
        _variant(module, function, n)
    return function


def _variant(module: Any, scalar: Any, count: int) -> None:
    """The function of a vector of numbers."""
    kind = ir.VectorType(scalar.ftype.return_type, count)
    zero = ir.Constant(kind, [0.0] * count)

    def any_set(builder: Any, x: Any) -> Any:
        found = builder.bitcast(builder.fcmp_unordered("!=", x, zero), ir.IntType(count))
        return builder.icmp_signed("!=", found, found.type(0))

    function = _function(module, f"{scalar.name}_{count}", kind)
    x, builder = _unless_zero(function, any_set)
    result = zero
    for k in range(count):
        place = ir.IntType(32)(k)
        value = builder.call(scalar, [builder.extract_element(x, place)])
        result = builder.insert_element(result, value, place)
    builder.ret(result)


def _function(module: Any, label: str, kind: Any) -> Any:
    function = ir.Function(module, ir.FunctionType(kind, [kind]), label)
    function.linkage = "weak_odr"  # stays although nothing calls the variants yet
    for attribute in ("noinline", "nounwind", "readnone"):
        function.attributes.add(attribute)
    return function


def _unless_zero(function: Any, test: Any) -> tuple[Any, Any]:
    """The operand, and a builder of what is done where it is not zero."""
    (x,) = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    rare, common = function.append_basic_block(), function.append_basic_block()
    builder.cbranch(test(builder, x), rare, common)
    builder.position_at_end(common)
    builder.ret(x)
    builder.position_at_end(rare)
    return x, builder
