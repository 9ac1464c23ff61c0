"""Whether two accounts belong to one human: the question before every decision that takes two people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from vault.crypto.key_store import KeyStore
from vault.domain.spelling import NO_GAPS, folded
from vault.storage.people import Account


def same_human(store: KeyStore, one: Account, other: Account) -> bool:
    """Return whether two accounts must be taken for the same human: it is one account, or both bear one name.

    Fails closed: two people of one name cannot approve each other's acts (docs/limitations.md).

    Args:
        store: the key store in force, to open the names.
        one: an account.
        other: another account, or the same.

    Raises:
        IntegrityError: a stored name was not sealed for its account.
    """
    return one.account_id == other.account_id or _spelled(name_of(store, one)) == _spelled(name_of(store, other))


def name_of(store: KeyStore, account: Account) -> str:
    """Return the name of an account's human; a colleague's name is no customer data.

    Raises:
        IntegrityError: it was not sealed for this account.
    """
    return store.open_person(account.account_id, "name", account.sealed_name).disclose()


def shared_names(names: Iterable[tuple[bytes, str]]) -> set[bytes]:
    """Return which accounts share their name with another one.

    Args:
        names: account ids with the names of their humans.
    """
    by_name: dict[str, set[bytes]] = defaultdict(set)
    for account_id, name in names:
        by_name[_spelled(name)].add(account_id)
    return {account_id for group in by_name.values() if len(group) > 1 for account_id in group}


def _spelled(name: str) -> str:
    """Return a name without what two ways to write it can differ in: width, case, blanks, dots, hyphens."""
    return folded(name).translate(NO_GAPS).casefold()
