"""Every check of the project: `python -m tests`; or some, `python -m tests lint types`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["pyright"],
    "layers": ["lint-imports"],
    "unit": ["pytest", "-q"],
}


def main(names: list[str]) -> int:
    """Run the named checks, or all, with the tools of this interpreter's environment."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        sys.exit(f"no check is called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    tools = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": tools + os.pathsep + os.environ.get("PATH", "")}
    failed = [n for n in names or CHECKS if subprocess.call(CHECKS[n], cwd=ROOT, env=env)]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "all checks passed\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
