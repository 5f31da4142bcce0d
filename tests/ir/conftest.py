"""What the tests of the graph share: a few ops by name."""

from collections.abc import Mapping

import pytest

from stagec.ir.core import Op
from stagec.ops import arithmetic, axes, comparison, copying, creation, effects, indexing, lists

MODULES = (arithmetic, axes, comparison, copying, creation, effects, indexing, lists)


@pytest.fixture(scope="session")
def ops() -> Mapping[str, Op]:
    return {
        op.name: op for module in MODULES for op in vars(module).values() if isinstance(op, Op)
    }
