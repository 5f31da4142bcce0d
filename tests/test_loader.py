"""The folder of generated modules."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from stagec_runtime import loader

TEXT = "def twice(x):\n    return 2 * x\n"


def test_a_folder_that_was_cleared_away_is_made_anew() -> None:
    first = loader.load(TEXT, "twice", {})
    shutil.rmtree(Path(first.file).parent)
    again = loader.load(TEXT, "twice", {})
    assert again.entry(3) == 6
    assert Path(again.file).read_text() == TEXT


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_that_ends_leaves_the_folder_of_its_parent() -> None:
    file = Path(loader.load(TEXT, "twice", {}).file)
    child = os.fork()
    if child == 0:
        loader._remove(file.parent, os.getppid())
        os._exit(0)
    os.waitpid(child, 0)
    assert file.exists()
