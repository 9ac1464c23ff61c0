"""Steps around the customers of a drill: made with it, and opened where those of a real incident would be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from vault.domain.breach.drills import made_up
from vault.domain.ids import new_id
from vault.domain.plaintext import Plaintext
from vault.services.steps.parts import Parts
from vault.storage.breach import drill_customers
from vault.storage.breach.drill_customers import DrillCustomer

_FIELDS = "drill_fields"


def make(parts: Parts, connection: Connection, incident_id: bytes) -> int:
    """Make the customers of a drill; once.

    Args:
        parts: the vault's parts.
        connection: inside the transaction that opens the drill.
        incident_id: the drill.

    Returns:
        How many.
    """
    store = parts.keys.current(connection)
    made = []
    for serial in range(1, parts.policy.drills.customers + 1):
        record_id = new_id()
        text = json.dumps(made_up(serial), ensure_ascii=False)
        made.append(DrillCustomer(record_id, serial, store.seal_person(record_id, _FIELDS, text)))
    drill_customers.add(connection, incident_id, made)
    return len(made)


def opened(
    parts: Parts, connection: Connection, incident_id: bytes, record_ids: Sequence[bytes]
) -> Mapping[bytes, Mapping[str, Plaintext]]:
    """Open customers of a drill; nobody real is behind them, so this takes no receipt.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        incident_id: the drill; what belongs to no drill or another one is left out.
        record_ids: of the customers.

    Returns:
        Values by field of class ``customer``, by id.

    Raises:
        IntegrityError: a row was not sealed for this customer.
    """
    store = parts.keys.current(connection)
    found = drill_customers.by_ids(connection, incident_id, record_ids)
    return {
        record_id: _fields(store.open_person(record_id, _FIELDS, one.sealed_fields)) for record_id, one in found.items()
    }


def _fields(text: Plaintext) -> dict[str, Plaintext]:
    return {name: Plaintext(str(value)) for name, value in json.loads(text.disclose()).items()}
