"""(f) What the rules cost: the decision and the masks of a look-up, against the whole look-up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from sqlalchemy import text

from tests.bench import vaults
from tests.bench.latency import Filled
from tests.bench.measure import Result, in_turn, median, ratio
from vault.domain.access import CustomerFacts, customer_scope
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.domain.masks import mask
from vault.domain.rules.access import Right
from vault.domain.samples import sample
from vault.services.steps.admission import may_use
from vault.services.steps.cards import Viewer, glimpse
from vault.storage import records
from vault.storage.records import StoredRecord

_CUSTOMERS = 500
_PURPOSE = "query"


def measure(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    """Yield the share of a look-up that the rules take."""
    rounds, times = (5, 100) if quick else (15, 300)
    for engine in vaults.ENGINES:
        with ExitStack() as stack:
            filled = Filled(bench.new_vault(engine), _CUSTOMERS, stack)
            customer = _some_customer(filled)

            def rules(_round: int, filled: Filled = filled, customer: StoredRecord = customer) -> float:
                return _decide(filled, customer, times)

            def whole(number: int, filled: Filled = filled) -> float:
                return median(filled.look_up(times, number))

            pairs = in_turn(rounds, rules, whole)
            ours, theirs = (median([pair[at] for pair in pairs]) * 1e6 for at in (0, 1))
            yield ratio(
                "f", "policy decision and masks, of a whole look-up in process", engine,
                [(100 * part, all_of_it) for part, all_of_it in pairs],
                goal=5, unit="%", detail=f"{ours:.0f} µs of {theirs:.0f} µs",
            )  # fmt: skip


def _decide(filled: Filled, customer: StoredRecord, times: int) -> float:
    """Return how long the rules of one look-up take, in seconds: right and purpose, scope, views, masks."""
    parts, person = filled.parts, filled.person
    policy, viewer, now = parts.policy, Viewer(person.role, _PURPOSE), vaults.now()
    # Values as people enter them: what a mask does not recognise costs it next to nothing.
    values = {name: (sample(RecordClass.CUSTOMER, name) or ("",))[0] for name in FIELDS[RecordClass.CUSTOMER]}
    took = []
    for _ in range(times):
        started = time.perf_counter()
        may_use(parts, person, Right.LOOKUP, _PURPOSE, now)
        rule = customer_scope(person, policy.roles[person.role].scope, customer.meta, CustomerFacts(case_binds=True))
        shown = glimpse(policy, viewer, customer, "match", rule or "", {customer.meta.record_id})
        for name, mask_id in shown.masks.items():
            mask(mask_id, values[name])
        took.append(time.perf_counter() - started)
    if len(shown.masks) < len(FIELDS[RecordClass.CUSTOMER]) - 2:
        raise RuntimeError("the customer does not hold what a customer holds")
    return median(took)


def _some_customer(filled: Filled) -> StoredRecord:
    with filled.parts.database.read() as connection:
        record_id = connection.execute(text("SELECT record_id FROM records LIMIT 1")).scalar_one()
        return records.load(connection, [record_id])[record_id]
