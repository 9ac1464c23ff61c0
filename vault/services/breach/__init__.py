"""The walks of the response to a breach: incidents, their reach, measures, notices, drills and the report."""
