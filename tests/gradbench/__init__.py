"""The GradBench programs: their tests, and their times beside those of others."""
