"""Telling people that the vault has sealed itself: by mail, as its inbox lies in a database that is not to be trusted.

Everything this rests on lies outside that: settings, the company's rules, and a file beside the checkpoints that says
who was told. Each duty mailbox gets one letter for each seal, and another one where it still stands after a week.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from vault.domain import seal_letters
from vault.domain.ids import Role
from vault.domain.rules.signals import SignalName
from vault.errors import VaultError, VaultSealed
from vault.services.steps.parts import Parts
from vault.storage import log_seal
from vault.storage.log_seal import SealTold
from vault.storage.mail import Fate
from vault.storage.mail_letters import Letter

EVIDENCE: Final = frozenset(
    {
        "database_rewound", "history_rewritten", "key_store_older", "ledger_older", "signer_memory_unreadable",
        "signing_key_replaced",
    }
)  # fmt: skip
"""Seals that speak of evidence, not of a schema or a restore that somebody is just at."""

ANEW_AFTER: Final = timedelta(days=7)
TRIES: Final = 5
AGAIN: Final = timedelta(minutes=10)
"""So long after a try the next one comes; so long, too, one that was killed is left alone."""


def tell(parts: Parts, sealed: VaultSealed, now: datetime) -> int:
    """Tell the duty mailboxes that the vault has sealed itself; each once, however many processes notice it.

    Args:
        parts: the vault's parts.
        sealed: why.
        now: UTC.

    Returns:
        How many letters were taken. Nothing is raised: whoever calls has the seal itself to report.
    """
    if sealed.reason not in EVIDENCE or not parts.mailer.is_set_up:
        return 0
    with suppress(VaultError, OSError):
        return _tell(parts, sealed.reason, now)
    return 0


def _tell(parts: Parts, reason: str, now: datetime) -> int:
    told = _taken(parts, f"{reason} {_signed_last(parts)}", now)
    if told is None:
        return 0
    key = sha256(f"{told.seal} {told.since}".encode()).hexdigest()[:32]
    body = seal_letters.body(reason, parts.node, told.since, parts.policy.zone)
    done, sent = list(told.roles), 0
    with parts.mailer.open() as session:
        for role, to in _boxes(parts).items():
            if role.value not in done:
                letter = Letter(to, seal_letters.SUBJECT, body, f"sealed-{key}-{role.value}", told.since)
                fate = session.send(letter).fate
                done += [role.value] if fate in (Fate.SENT, Fate.REFUSED) else []
                sent += fate is Fate.SENT
    with parts.log_files.locked():
        log_seal.keep(parts.log_files.folder, replace(told, roles=tuple(done)))
    return sent


def _taken(parts: Parts, seal: str, now: datetime) -> SealTold | None:
    """Take the next try; None when another process has it, when everybody was told, or after so many tries."""
    folder = parts.log_files.folder
    with parts.log_files.locked():
        before = log_seal.read(folder)
        same = before is not None and before.seal == seal and timedelta() <= now - before.since < ANEW_AFTER
        told = before if before is not None and same else SealTold(seal, now, 0, now)
        rest = {role.value for role in _boxes(parts)}.difference(told.roles)
        if not rest or told.tries >= TRIES or now < told.again_at:
            return None
        told = replace(told, tries=told.tries + 1, again_at=now + AGAIN)
        log_seal.keep(folder, told)
    return told


def _boxes(parts: Parts) -> dict[Role, str]:
    """Return the duty mailboxes of those who hear of an altered log, and of who runs the vault."""
    roles = dict.fromkeys([*parts.policy.signals.signals[SignalName.LOG_VERIFICATION].told, Role.ADMIN])
    return {role: parts.role_mail[role] for role in roles if role in parts.role_mail}


def _signed_last(parts: Parts) -> str:
    """Return what was signed last, so that the next seal is another one; nothing where nobody remembers."""
    try:
        signed = parts.log_files.signed()
    except VaultSealed:
        return ""
    return "" if signed is None else sha256(signed.note.encode()).hexdigest()
