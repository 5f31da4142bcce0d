"""`python -m examples.gradbench`: the GradBench protocol on standard input and output."""

import argparse
import os
import sys

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main():
    parser = argparse.ArgumentParser(prog="python -m examples.gradbench")
    parser.add_argument("--backend", choices=("numpy", "numba"), default="numba")
    parser.add_argument("--multithreaded", action="store_true", help="let BLAS use threads")
    parser.add_argument("--check", nargs="*", metavar="EVAL", help="check the derivatives")
    parser.add_argument("--measure", nargs="*", metavar="EVAL", help="print a table of times")
    options = parser.parse_args()
    if not options.multithreaded:
        os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported

    if options.check is not None:
        from examples.gradbench import checks

        return checks.main(options.check, options.backend)
    if options.measure is not None:
        from examples.gradbench import measure

        return measure.main(options.measure, options.backend)
    from examples.gradbench import protocol

    out = sys.stdout

    def write(line):
        out.write(line)
        out.flush()

    protocol.serve(sys.stdin, write, options.backend)
    return 0


if __name__ == "__main__":
    sys.exit(main())
