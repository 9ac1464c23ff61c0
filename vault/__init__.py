"""A customer data vault for courier customer service.

The rooms, in reading order; imports go down this list only, never up:

- ``errors``      every error, one family per room
- ``domain``      what is true: classes, fields, masks, expiry, scope, the log's tree; standard library only
- ``crypto``      keys and ciphertext; key bytes never leave it
- ``storage``     rows; sealed values only, and no door to ``crypto``
- ``services``    what the house does: one walk a module
- ``web``, ``jobs``, ``cli``  the doors: parse, one service call, present

``bootstrap`` is the one file that knows all rooms; ``verify_log`` stands alone so that a stranger can run it.

A look-up: gate → parse → find by blind index → decide from metadata → append the event and wait for the
receipt → open just what was announced → answer masked. A destruction: propose → approve → execute → certify. A breach:
report → activate → assess → contain → repair → notify → close; its modules are ``breach`` in every room.
"""
