"""Steps that the walks share, each inside the walk's own transaction: no step is a walk, and none calls one."""
