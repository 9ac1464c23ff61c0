"""Rows and files: sealed values only; no door to ``crypto``."""
