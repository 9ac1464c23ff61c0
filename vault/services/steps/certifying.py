"""Writing certificates: the statement, its row and the event that names it, all in one transaction and once only.

``erased`` is about a plan and says what was looked for afterwards; ``final`` is about a cohort whose key is gone from
every registered copy. Neither lists a record.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from vault.crypto.suites import SUITES
from vault.domain.certificates import (
    Check,
    Checked,
    Method,
    NotProven,
    Residual,
    ids_digest,
    statement_bytes,
    statement_digest,
)
from vault.domain.destruction import ORDER, PURPOSE, CertificateKind, ItemState
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Actor, Event, Outcome, micros_text
from vault.errors import IntegrityError, StorageError, VaultSealed
from vault.services.steps.parts import Parts
from vault.services.steps.residue import prove_erased
from vault.storage import certificate_waits, certificates, cohorts, destruction, people, residue, vault_state
from vault.storage.certificates import Certificate, Resting
from vault.storage.cohorts import CohortRow
from vault.storage.destruction import Plan
from vault.storage.unit_of_work import unit_of_work

_SYSTEM = "system"
_CONFLICT = "conflict"


def certify_plan(parts: Parts, plan: Plan, actor: Actor, now: datetime) -> Certificate:
    """Prove that what a plan destroyed is gone, and certify it; a plan that has its certificate keeps it.

    Args:
        parts: the vault's parts.
        plan: a plan that was carried out.
        actor: who certifies.
        now: UTC.

    Raises:
        IntegrityError: ``residue_found``: nothing is certified.
        StorageUnavailable: ``wal_busy``, or database or ledger do not answer: to be tried again.
    """
    with parts.database.read() as connection:
        there = certificates.about(connection, CertificateKind.ERASED, plan.plan_id)
    if there is not None:
        return there
    checks = prove_erased(parts, plan.plan_id)
    with parts.database.read() as connection:
        certificate_id = new_id()
        body = _of_plan(parts, connection, plan, checks, now)
        counts = destruction.states(connection, plan.plan_id)
    destroyed = sum(states.get(ItemState.DESTROYED, 0) for states in counts.values())
    facts: dict[str, str | int] = {"plan": plan.plan_id.hex(), "digest": plan.digest.hex(), "destroyed": destroyed}
    return _issue(parts, _New(certificate_id, CertificateKind.ERASED, plan.plan_id), body, actor, now, facts)


def finalise(parts: Parts, row: CohortRow, actor: Actor, now: datetime) -> Certificate:
    """Certify that a cohort's key is gone from every registered copy; what was destroyed under it is out of reach.

    Args:
        parts: the vault's parts.
        row: a destroyed cohort.
        actor: who certifies.
        now: UTC.

    Raises:
        IntegrityError: ``key_still_there``: a registered copy holds the key, or something lies under it.
        KeyStoreError: a registered copy cannot be read: nothing is certified before all can.
    """
    key_id = row.cohort.key_id
    with parts.database.read() as connection:
        there = certificates.about(connection, CertificateKind.FINAL, key_id)
        if there is not None:
            return there
        if cohorts.counts(connection, key_id) != (0, 0):
            raise IntegrityError("key_still_there")
    store = parts.keys.files.load()  # every registered copy is read, and all hold the same
    if any(one.key_id == key_id for one in store.cohorts()):
        raise IntegrityError("key_still_there")
    copies = len(parts.keys.files.states())
    checks = (
        Checked(Check.COHORT_EMPTY),
        Checked(Check.KEY_REFUSED, facts={"copies": copies, "version": store.version}),
    )
    with parts.database.read() as connection:
        destroyed = cohorts.tombstones_of(connection, key_id)
        body = _of_cohort(parts, connection, row, checks, destroyed)
    facts: dict[str, str | int] = {"cohort": key_id.hex(), "destroyed": destroyed, "copies": copies}
    return _issue(parts, _New(new_id(), CertificateKind.FINAL, key_id), body, actor, now, facts)


def final_on(end_on: date) -> date:
    """Return the day from which a cohort may be closed: the one after its last."""
    return end_on + timedelta(days=1)


# -- issuing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _New:
    """What a new certificate is called, and what it is about."""

    certificate_id: bytes
    kind: CertificateKind
    about: bytes


def _issue(
    parts: Parts, new: _New, body: Mapping[str, Any], actor: Actor, now: datetime, facts: Mapping[str, str | int]
) -> Certificate:
    with parts.database.read() as connection:
        state = vault_state.read(connection)
    if state is None:
        raise VaultSealed("no_vault_here")
    statement = statement_bytes(
        {
            "certificate": new.certificate_id.hex(),
            "kind": new.kind.value,
            "origin": state.origin,
            "issued_at": micros_text(now),
            "issued_by": {"name": actor.name, "role": actor.role},
            "policy": parts.policy.digest,
            **body,
        }
    )
    named = {"certificate": new.certificate_id.hex(), "kind": new.kind.value, "statement": statement_digest(statement)}
    digest, action = parts.policy.digest, Action.DESTRUCTION_CERTIFIED
    try:
        with unit_of_work(parts.database) as work:
            ended = certificate_waits.over(work.connection, new.about)
            if ended is not None and ended.finding:
                facts = {**facts, "check": ended.finding}  # what it had found before is found no more
            event = Event(now, actor, action, Outcome.DONE, digest, PURPOSE, facts={**named, **facts})
            made = Certificate(new.certificate_id, new.kind, new.about, statement, event.event_id, now)
            certificates.add(work.connection, made)
            work.announce(event)
            work.commit()
    except StorageError as error:
        with parts.database.read() as connection:
            there = certificates.about(connection, new.kind, new.about)
        if error.reason != _CONFLICT or there is None:
            raise
        return there  # somebody else certified it at the same time: theirs is the one
    return made


# -- what they say -------------------------------------------------------------------------------------------------


def _of_plan(
    parts: Parts, connection: Connection, plan: Plan, checks: tuple[Checked, ...], now: datetime
) -> dict[str, Any]:
    states = destruction.states(connection, plan.plan_id)
    resting = certificates.resting(connection, plan.plan_id)
    closing = max((final_on(one.end_on) for one in resting), default=None)
    return {
        "plan": {
            "id": plan.plan_id.hex(),
            "digest": plan.digest.hex(),
            "as_of": micros_text(plan.as_of),
            "policy": plan.policy,
        },
        "counts": {
            one.value: {
                state.value: states.get(one, {}).get(state, 0)
                for state in (ItemState.DESTROYED, ItemState.HELD, ItemState.KEPT)
            }
            for one in ORDER
        },
        "records": ids_digest(residue.destroyed_ids(connection, plan.plan_id)),
        "rules": _rules(parts, [one for one in ORDER if states.get(one)]),
        "method": [one.value for one in (Method.DATA_KEY, Method.CIPHERTEXTS, Method.INDEX_ROWS, Method.TOMBSTONES)],
        "suites": sorted(one.name for one in SUITES.values()),
        "cohorts": [_cohort(one) for one in resting],
        "people": _people(connection, plan),
        "times": {
            "proposed": _time(plan.proposed_at),
            "approved": _time(plan.approved_at),
            "begun": _time(plan.started_at),
            "finished": _time(plan.finished_at),
        },
        "engine": "sqlite" if parts.database.is_sqlite else "postgresql",
        "checks": [one.document() for one in checks],
        "residual": _residual(parts, closing, now) if resting else [],
        "not_proven": [one.value for one in NotProven],
    }


def _of_cohort(
    parts: Parts, connection: Connection, row: CohortRow, checks: tuple[Checked, ...], destroyed: int
) -> dict[str, Any]:
    head = parts.ledger.head()
    plans = []
    for plan_id, count in certificates.plans_of(connection, row.cohort.key_id):
        if plan_id is None:
            continue
        about = certificates.about(connection, CertificateKind.ERASED, plan_id)
        is_final = all(one.destroyed_at is not None for one in certificates.resting(connection, plan_id))
        plans.append(
            {
                "plan": plan_id.hex(),
                "certificate": "" if about is None else about.certificate_id.hex(),
                "records": count,
                "final": "yes" if is_final else "no",
            }
        )
    return {
        "cohort": {
            "key": row.cohort.key_id.hex(),
            "class": row.cohort.record_class.value,
            "end_on": row.cohort.end_on.isoformat(),
            "destroyed_at": _time(row.destroyed_at),
        },
        "destroyed": destroyed,
        "rules": _rules(parts, [row.cohort.record_class]),
        "method": [Method.COHORT_KEY.value, Method.EPOCH_SECRET.value],
        "plans": plans,
        "ledger": {"entries": head.count, "digest": base64.b64encode(head.digest).decode()},
        "checks": [one.document() for one in checks],
        "residual": [],
        "not_proven": [one.value for one in NotProven],
    }


def _rules(parts: Parts, classes: list[RecordClass]) -> list[str]:
    ids = [rule.id for one in classes if (rule := parts.policy.retention.get(one)) is not None]
    return [*ids, parts.policy.destruction.id]


def _cohort(one: Resting) -> dict[str, Any]:
    return {
        "key": one.cohort_id.hex(),
        "class": one.record_class.value,
        "end_on": one.end_on.isoformat(),
        "final_from": final_on(one.end_on).isoformat(),
        "records": one.count,
    }


def _residual(parts: Parts, closing: date | None, now: datetime) -> list[dict[str, str]]:
    """Name the copies that may still hold what was destroyed.

    Backups end by the policy. What PostgreSQL keeps opens until the last cohort's key goes: its day is the first on
    which that may be, and it may be later.
    """
    backups = (now + parts.policy.destruction.backup()).astimezone(parts.policy.zone).date()
    found = [{"where": Residual.BACKUPS.value, "until": backups.isoformat()}]
    if not parts.database.is_sqlite and closing is not None:
        places = (Residual.HEAP, Residual.WAL, Residual.REPLICAS)
        found += [{"where": one.value, "not_before": closing.isoformat()} for one in places]
    return found


def _people(connection: Connection, plan: Plan) -> dict[str, Any]:
    known = people.by_ids(connection, [one for one in (plan.proposed_by, plan.approved_by) if one is not None])
    named = {}
    for part, account_id in (("proposer", plan.proposed_by), ("approver", plan.approved_by)):
        account = None if account_id is None else known[account_id]
        named[part] = {"name": "", "role": ""} if account is None else _person(account.work_number, account.role.value)
    executor = people.by_work_number(connection, plan.executed_by)
    role = _SYSTEM if plan.executed_by == _SYSTEM else "" if executor is None else executor.role.value
    return {**named, "executor": _person(plan.executed_by, role)}


def _person(name: str, role: str) -> dict[str, str]:
    return {"name": name, "role": role}


def _time(at: datetime | None) -> str:
    return "" if at is None else micros_text(at)
