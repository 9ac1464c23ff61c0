"""The text of every policy that was ever in force, by its digest, so that an event's rules can be read years later."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from vault.storage.tables import policy_texts


def knows(connection: Connection, digest: str) -> bool:
    """Return whether the texts of a policy are kept."""
    found = select(policy_texts.c.name).where(policy_texts.c.digest == digest).limit(1)
    return connection.execute(found).first() is not None


def keep(connection: Connection, digest: str, files: Mapping[str, bytes]) -> None:
    """Keep the texts of a policy by its digest."""
    rows = [{"digest": digest, "name": name, "content": content} for name, content in files.items()]
    connection.execute(insert(policy_texts), rows)


def texts(connection: Connection, digest: str) -> dict[str, bytes]:
    """Return the texts of a policy by file name; none where they were never kept."""
    rows = connection.execute(
        select(policy_texts.c.name, policy_texts.c.content)
        .where(policy_texts.c.digest == digest)
        .order_by(policy_texts.c.name)
    )
    return {row.name: row.content for row in rows}
