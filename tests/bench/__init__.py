"""Measurements of speed and memory, as ratios to the same work in clear: ``python -m tests.bench --help``."""
