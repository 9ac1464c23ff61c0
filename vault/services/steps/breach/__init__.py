"""Steps that walks of the response to a breach share."""
