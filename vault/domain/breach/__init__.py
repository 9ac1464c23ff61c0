"""What is true of the response to a breach: states, clocks, reach, measures, notices and drills."""
