"""Rows of the response to a breach."""
