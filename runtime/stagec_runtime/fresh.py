"""What LLVM is told of arrays that compiled code makes: they share memory with no other.

Numba's arrays come from a function of its own, so that LLVM takes any two of them to overlap.
It compares where they begin and end in front of each innermost loop, which takes longer than a
short loop does, and never runs the vectorised form where a loop around runs backwards through
one of them.  Needs Numba.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir as llvm
from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.imputils import impl_ret_borrowed
from numba.core.ir_utils import build_definitions, find_callname, guard
from numba.core.untyped_passes import LiteralUnroll
from numba.extending import intrinsic

NEW = frozenset(
    f"{name}{like}" for name in ("empty", "zeros", "ones", "full") for like in ("", "_like")
)
BYTES = llvm.IntType(8).as_pointer()
SAME = "stagec.fresh"


@intrinsic
def _fresh(typing_context: Any, made: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(made)(context, builder, args[0])
        given = builder.bitcast(array.data, BYTES)
        place = builder.call(_same_place(builder.module), [given])
        # what has been seen by others is not moved behind the call that frees it
        builder.asm(
            llvm.FunctionType(llvm.VoidType(), [BYTES]), "", "r,~{memory}", [place], True
        )
        array.data = builder.bitcast(place, array.data.type)
        return impl_ret_borrowed(context, builder, made, array._getvalue())

    return (made(made), generate) if isinstance(made, types.Array) else None


def _same_place(module: Any) -> Any:
    """A function that returns its pointer, of which LLVM knows that nothing overlaps it."""
    if SAME in module.globals:
        return module.globals[SAME]
    function = llvm.Function(module, llvm.FunctionType(BYTES, [BYTES]), SAME)
    function.linkage = "internal"
    function.attributes.add("noinline")
    function.return_value.add_attribute("noalias")
    builder = llvm.IRBuilder(function.append_basic_block())
    # the memory was filled through the pointer that is given: nothing may be moved across
    builder.ret(
        builder.asm(function.function_type, "", "=r,0,~{memory}", [function.args[0]], True)
    )
    return function


@register_pass(mutates_CFG=False, analysis_only=False)
class FreshArrays(FunctionPass):
    """Puts `_fresh` around the calls of NumPy's functions that make arrays."""

    _name = "stagec_fresh_arrays"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> Any:
        """Change the code of the state; whether it was changed."""
        code, changed = state.func_ir, False
        for block in code.blocks.values():
            found = [s for stmt in block.body for s in _told(code, block.scope, stmt)]
            changed |= len(found) > len(block.body)
            block.body = found
        if changed:
            code._definitions = build_definitions(code.blocks)
        return changed


def _told(code: Any, scope: Any, stmt: Any) -> Iterator[Any]:
    """The statement; more than one if it makes an array."""
    call = stmt.value if isinstance(stmt, ir.Assign) else None
    if not isinstance(call, ir.Expr) or call.op != "call":
        yield stmt
        return
    name, module = guard(find_callname, code, call) or (None, None)
    if module != "numpy" or name not in NEW:
        yield stmt
        return
    made = scope.redefine("$stagec_made", stmt.loc)
    fresh = scope.redefine("$stagec_fresh", stmt.loc)
    yield ir.Assign(call, made, stmt.loc)
    yield ir.Assign(ir.Global("_fresh", _fresh, stmt.loc), fresh, stmt.loc)
    yield ir.Assign(ir.Expr.call(fresh, (made,), (), stmt.loc), stmt.target, stmt.loc)


class KernelCompiler(CompilerBase):
    """Numba's compiler with that pass."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes for compiled code, and ours before names become values."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(FreshArrays, LiteralUnroll)
        passes.finalize()
        return [passes]
