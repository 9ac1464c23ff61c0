"""What the house does: one walk a module, read top to bottom; services that face a door never call each other."""
