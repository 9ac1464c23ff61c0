"""Whose eyes are on a page: the words of its watermark (SC-04)."""

from __future__ import annotations

from vault.domain.people import Person
from vault.domain.plaintext import Plaintext
from vault.errors import SignInRefused
from vault.services.steps.parts import Parts
from vault.storage import people


def own_name(parts: Parts, person: Person) -> Plaintext:
    """Return the name of whoever is signed in, for the watermark of their own pages.

    Args:
        parts: the vault's parts.
        person: who looks.

    Returns:
        Their name; a colleague's name is no customer data, and this one is shown to nobody but its bearer.

    Raises:
        SignInRefused: the account is gone.
        IntegrityError: the name was not sealed for this account.
    """
    with parts.database.read() as connection:
        account = people.by_work_number(connection, person.work_number)
        if account is None:
            raise SignInRefused("not_signed_in")
        return parts.keys.current(connection).open_person(account.account_id, "name", account.sealed_name)
