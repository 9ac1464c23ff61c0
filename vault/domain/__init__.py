"""What is true: standard library only, no clock, no I/O; ``now`` is always an argument."""
