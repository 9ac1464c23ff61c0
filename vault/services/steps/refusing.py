"""A refusal inside a walk leaves its event, whichever step of the walk refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import AccessRefused, NotFound, StepUpNeeded
from vault.services.steps.parts import Parts


@contextmanager
def refusals_logged(parts: Parts, person: Person, action: Action, now: datetime) -> Iterator[None]:
    """Log what is refused inside, or not there for this person, then let the refusal go on.

    It stands outside the writing transaction: what was refused is rolled back, the event of it is not.

    Args:
        parts: the vault's parts.
        person: who acts.
        action: what they want to do.
        now: UTC.
    """
    try:
        yield
    except StepUpNeeded:
        raise  # nothing was refused yet: the person confirms and comes again
    except (NotFound, AccessRefused) as refused:
        rule = refused.reason if isinstance(refused, AccessRefused) else ""
        parts.log_writer.write(parts.event(now, person.actor(), action, Outcome.REFUSED, rule=rule))
        raise
