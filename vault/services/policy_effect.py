"""What another policy would do to the expiry of the records there are, counted before anybody loads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.domain.destruction import ORDER, PURPOSE
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.policy import Policy
from vault.domain.records import from_micros
from vault.services.steps.due import expiries
from vault.services.steps.parts import Parts
from vault.storage import retention


@dataclass
class Effect:
    """What becomes of one class.

    Args:
        records: settled records there are; open ones have no expiry.
        earlier: how many would fall due earlier than now.
        later: how many would fall due later.
        due_at_once: how many of the earlier ones would be past their time at once.
        no_longer_due: how many of the later ones are past their time now, and would not be.
    """

    records: int = 0
    earlier: int = 0
    later: int = 0
    due_at_once: int = 0
    no_longer_due: int = 0


def effect(parts: Parts, actor: Actor, new: Policy, now: datetime) -> dict[RecordClass, Effect]:
    """Count how many records of each class a new policy would move, both ways; nothing is changed.

    Args:
        parts: the vault's parts.
        actor: who asks.
        new: the policy that may be loaded, whose rules hold together.
        now: UTC.

    Raises:
        LogUnavailable: the event could not be made durable; nothing was counted.
    """
    parts.log_writer.write(parts.event(now, actor, Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    classes = {one.value: one for one in ORDER}
    found = {one: Effect() for one in ORDER}
    expiry = expiries(new)
    with parts.database.read() as connection:
        for one in retention.periods(connection):
            record_class = classes[one.record_class]
            before, after = from_micros(one.expires_at), expiry(record_class, from_micros(one.activity_at))
            counted = found[record_class]
            counted.records += 1
            if after < before:
                counted.earlier += 1
                counted.due_at_once += after <= now < before
            elif after > before:
                counted.later += 1
                counted.no_longer_due += before <= now < after
    return found
