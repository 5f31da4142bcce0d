"""Golden files must not outlive their tests."""

from pathlib import Path

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"


def test_each_golden_file_belongs_to_a_test() -> None:
    stale = []
    for path in GOLDEN.rglob("*"):
        if path.is_file():
            module = TESTS / path.parent.relative_to(GOLDEN).with_suffix(".py")
            name = path.stem.split("[")[0]
            if not module.exists() or f"def {name}(" not in module.read_text():
                stale.append(str(path.relative_to(TESTS)))
    assert stale == []
