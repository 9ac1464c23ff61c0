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
from vault.services import keys_signing
from vault.services.keys import CopyState, Keys
from vault.services.keys_signing import SigningKey


@click.command("status")
@json_option
def status(*, as_json: bool) -> None:
    """密钥库、批次、各保管什么及丢失的后果;不含任何密钥 · Key store, cohorts, what to keep; never a key."""
    config = load_config()
    told: tuple[Keys, SigningKey] | None = None
    fault: VaultError | None = None
    try:
        with vault(config) as parts:
            told = keys_service.status(parts), keys_signing.look(parts)
            copies = told[0].copies
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
    config: Config, copies: list[dict[str, Any]], told: tuple[Keys, SigningKey] | None, fault: VaultError | None
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "provider": config.root_key_provider,
        "root_key": str(config.root_key_file),
        "copies": copies,
        "fault": "" if fault is None else fault.reason,
    }
    if told is None:
        return document
    keys, signing = told
    classes = {
        one.record_class.value: {
            "count": sum(one.states.values()) - one.states[CohortState.DESTROYED],
            "states": {state.value: count for state, count in one.states.items()},
            "first": one.first,
            "last": one.last,
        }
        for one in keys.classes
    }
    return document | {
        "version": keys.version,
        "fingerprint": keys.fingerprint,
        "cohorts": classes,
        "pin": keys.pin,
        "signing": {
            "key": signing.key_id,
            "since": signing.since.isoformat(),
            "days": _days(signing.since),
            "unfinished": signing.is_begun,
            "changes": [
                {"old": one.ids[0], "new": one.ids[1], "size": one.size, "at": one.at.isoformat()}
                for one in signing.changes
            ],
        },
        "ledger": keys.ledger,
    }


def _days(since: datetime) -> int:
    return max(0, (now() - since).days)


def _status_lines(
    config: Config, copies: list[dict[str, Any]], told: tuple[Keys, SigningKey] | None, fault: VaultError | None
) -> Iterator[str]:
    say, language = speaker(config), config.language
    keys = None if told is None else told[0]
    if keys is not None:
        yield say("Key store version {version}, fingerprint {mark}").format(version=keys.version, mark=keys.fingerprint)
    if fault is not None:
        yield say("The vault does not open: {why}").format(why=words.reason(language, fault.reason, fault.facts))
    for one in copies:
        if one["fault"]:
            why = words.reason(language, one["fault"], {"path": one["path"]})
            yield f"  {one['path']}: {why} [{one['fault']}]"
        else:
            line = say("{path}: version {version}, epoch secret of {days} days ago")
            yield "  " + line.format(path=one["path"], version=one["version"], days=one["epoch_days"])
    for each in () if keys is None else keys.classes:
        counts = [f"{words.name(language, 'cohort_state', state)} {count}" for state, count in each.states.items()]
        ends = f"({each.first or '-'} … {each.last or '-'})"
        yield f"  {words.name(language, 'class', each.record_class.value)}: {', '.join(counts)} {ends}"
    if told is not None:
        yield from _signing_lines(told[1], say)
        yield say("The ledger has {count} entries").format(count=told[0].ledger)
    yield say("What to keep, and where:")
    yield from (f"  - {line}" for line in _what_to_keep(config, say))


def _signing_lines(signing: SigningKey, say: Callable[[str], str]) -> Iterator[str]:
    yield say("Checkpoints and certificates are signed by {key}").format(key=signing.key)
    line = say("This key has signed for {days} days, since {time}")
    yield "  " + line.format(days=_days(signing.since), time=signing.since.isoformat(timespec="seconds"))
    for one in signing.changes:
        line = say("Signing key {old} was replaced by {new} at {size} entries")
        yield "  " + line.format(old=one.ids[0], new=one.ids[1], size=one.size)
    if signing.is_begun:
        yield say("Replacing the signing key was begun and not ended: keys rotate-signing --yes ends it")


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
    yield say(
        "Signing key: only in the key store, lost with it. Whoever has a copy can sign another log: replace it then"
        " (datavault keys rotate-signing), and its copy signs nothing that is believed any more"
    )
    yield say(
        "Key statements {path}, once there are any: a copy with each pin; without it what an earlier key signed cannot"
        " be judged by the new one"
    ).format(path=config.checkpoint_dir / "keys")
