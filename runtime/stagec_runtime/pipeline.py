"""How Numba compiles a kernel: with the stages that generated code needs; needs Numba.

Many stages of Numba's own pipeline look for what no kernel contains, such as nested functions
and branches on types, and go through the whole kernel for it.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

import llvmlite.binding as llvm
from numba.core import codegen, typed_passes, untyped_passes
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager

from stagec_runtime.lowering import Lowering
from stagec_runtime.stand_ins import StandIns

# LLVM guesses that a length by which an index is multiplied is 1, makes vectors for that case
# only, and goes through columns of a matrix one by one.  It has no such setting for one kernel.
llvm.set_option("stagec", "-enable-mem-access-versioning=false")


class Library(codegen.JITCodeLibrary):
    """Machine code whose instructions are made simple once before they are optimised.

    Numba's own runs the simplifying half of all passes on each function, and again a few passes
    on the module, before it runs all of them on the module.
    """

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        first = llvm.create_new_module_pass_manager()
        first.add_sroa_pass()  # Numba keeps each variable in memory
        first.add_simplify_cfg_pass()
        first.add_refprune_pass()
        first.run(self._final_module, self._codegen._pass_builder())
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class Stages(PassManager):
    """Stages that follow each other without an analysis of the whole kernel in between.

    The last of them before the instructions are written makes its own.
    """

    _ENFORCING = False


class Compiler(CompilerBase):
    """Numba's compiler for a kernel."""

    def compile_extra(self, func: Any) -> Any:
        """Compile the function."""
        library = Library(self.state.targetctx.codegen(), func.__qualname__)
        library.enable_object_caching()
        self.state.library = library
        return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """The stages."""
        if any(isinstance(c, CodeType) for c in self.state.func_id.code.co_consts):
            return [DefaultPassBuilder.define_nopython_pipeline(self.state)]
        stages = Stages("stagec")
        for stage in STAGES:
            stages.add_pass(stage, stage.__name__)
        stages.finalize()
        return [stages]


STAGES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    StandIns,
    untyped_passes.GenericRewrites,
    untyped_passes.RewriteDynamicRaises,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.NoPythonSupportedFeatureValidation,
    typed_passes.IRLegalization,
    typed_passes.AnnotateTypes,
    Lowering,
    typed_passes.NoPythonBackend,
)
