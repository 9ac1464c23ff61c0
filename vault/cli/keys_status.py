"""``keys status``: key store, cohorts, what to keep where, and what losing it means. Never a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.output import fail, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.cohorts import CohortState
from vault.errors import KeyStoreError, VaultError, VaultSealed
from vault.services import keys as keys_service
from vault.services.keys import CopyState, Keys


@click.command("status")
@json_option
def status(*, as_json: bool) -> None:
    """密钥库、批次、各保管什么及丢失的后果;不含任何密钥 · Key store, cohorts, what to keep; never a key."""
    config = load_config()
    told: Keys | None = None
    fault: VaultError | None = None
    try:
        with vault(config) as parts:
            told = keys_service.status(parts)
            copies = told.copies
    except (KeyStoreError, VaultSealed) as error:
        # A copy that cannot be read keeps the vault shut: that is what one looks here for.
        fault, copies = error, bootstrap.key_store_files(config).states()
    shown = _copies(copies, now())
    if as_json:
        show_json(_status_document(config, shown, told, fault))
    else:
        for line in _status_lines(config, shown, told, fault):
            click.echo(line)
    if fault is not None:
        fail(fault)


def _copies(states: Iterable[CopyState], at: datetime) -> list[dict[str, Any]]:
    found = []
    for one in states:
        age = None if one.epoch_since is None else max(0, (at - one.epoch_since).days)
        found.append({"path": str(one.path), "version": one.version, "epoch_days": age, "fault": one.fault})
    return found


def _status_document(
    config: Config, copies: list[dict[str, Any]], told: Keys | None, fault: VaultError | None
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "provider": config.root_key_provider,
        "root_key": str(config.root_key_file),
        "copies": copies,
        "fault": "" if fault is None else fault.reason,
    }
    if told is None:
        return document
    classes = {
        one.record_class.value: {
            "count": sum(one.states.values()) - one.states[CohortState.DESTROYED],
            "states": {state.value: count for state, count in one.states.items()},
            "first": one.first,
            "last": one.last,
        }
        for one in told.classes
    }
    return document | {
        "version": told.version,
        "fingerprint": told.fingerprint,
        "cohorts": classes,
        "pin": told.pin,
        "ledger": told.ledger,
    }


def _status_lines(
    config: Config, copies: list[dict[str, Any]], told: Keys | None, fault: VaultError | None
) -> Iterator[str]:
    say, language = speaker(config), config.language
    if told is not None:
        yield say("Key store version {version}, fingerprint {mark}").format(version=told.version, mark=told.fingerprint)
    if fault is not None:
        yield say("The vault does not open: {why}").format(why=words.reason(language, fault.reason, fault.facts))
    for one in copies:
        if one["fault"]:
            why = words.reason(language, one["fault"], {"path": one["path"]})
            yield f"  {one['path']}: {why} [{one['fault']}]"
        else:
            line = say("{path}: version {version}, epoch secret of {days} days ago")
            yield "  " + line.format(path=one["path"], version=one["version"], days=one["epoch_days"])
    for each in () if told is None else told.classes:
        counts = [f"{words.name(language, 'cohort_state', state)} {count}" for state, count in each.states.items()]
        ends = f"({each.first or '-'} … {each.last or '-'})"
        yield f"  {words.name(language, 'class', each.record_class.value)}: {', '.join(counts)} {ends}"
    if told is not None:
        yield say("Checkpoints and certificates are signed by {key}").format(key=told.pin)
        yield say("The ledger has {count} entries").format(count=told.ledger)
    yield say("What to keep, and where:")
    yield from (f"  - {line}" for line in _what_to_keep(config, say))


def _what_to_keep(config: Config, say: Callable[[str], str]) -> Iterator[str]:
    root, pin = config.root_key_file, config.checkpoint_dir / "checkpoint.pin"
    if config.root_key_provider == "passphrase":
        yield say(
            "The passphrase, in two heads or safes, and its file {path}: without both, every record is unreadable for"
            " good"
        ).format(path=root)
    else:
        yield say(
            "Root key {path}: a copy on paper in a safe, apart from this host; without it every record is unreadable"
            " for good"
        ).format(path=root)
    yield say(
        "Key store and epoch secret: only the copies named above, on different devices, and in no backup. With all"
        " of them lost every record is unreadable; an old copy elsewhere would undo destruction"
    )
    yield say(
        "The ledger beside each key store: without it a restored backup would bring back what was destroyed, so the"
        " vault refuses to start"
    )
    yield say("Pinned key {path}: a copy with each auditor; without it nobody can tell this log from another").format(
        path=pin
    )
