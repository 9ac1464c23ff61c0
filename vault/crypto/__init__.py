"""Keys and ciphertext: key bytes never leave this room."""
