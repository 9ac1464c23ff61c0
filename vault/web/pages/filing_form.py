"""The form in which a service record is filed: what it offers on a record's page, and reading it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from vault import words
from vault.domain import service_records
from vault.domain.ids import RecordClass
from vault.errors import InvalidValue
from vault.services.cases import clock_of
from vault.services.filing import Filing
from vault.services.steps.cards import OTHER_PARTY_RULE, Card
from vault.services.viewing import ViewAnswer
from vault.web.gate import language, now, parts

_OFFERED = {
    "kinds": service_records.KINDS,
    "channels": service_records.CHANNELS,
    "results": service_records.RESULTS,
    "categories": service_records.CATEGORIES,
    "severities": service_records.SEVERITIES,
    "ratings": service_records.RATINGS,
}


def filing_form(answer: ViewAnswer, typed: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form needs on the page of a record.

    Args:
        answer: the record as shown; its customer, or its parties in scope, are whom a service record can hang on.
        typed: what was typed before, to correct it.
        errors: by field, why it was refused.
    """
    policy, opened_at = parts().policy, answer.case.opened_at
    blank = {
        "kind": "complaint" if answer.case.purpose == "complaint" else "consultation",
        "channel": service_records.CHANNELS[0],
        "result": service_records.RESULTS[0],
        "closes": "1",
    }
    return {
        **_OFFERED,
        "parties": _parties(answer),
        "shipment": answer.subject.record_id.hex() if answer.subject.record_class is RecordClass.SHIPMENT else "",
        "notices": {version: words.of_policy(language(), one) for version, one in policy.notices.items()},
        "most_text": service_records.MOST_TEXT,
        "limit_minutes": policy.entry.limit_minutes,
        "clock": clock_of(policy, answer.case, now()),
        "due_at": opened_at + policy.entry.limit(),
        "typed": typed or blank,
        "errors": errors,
    }


def _parties(answer: ViewAnswer) -> list[Card]:
    if answer.subject.record_class is RecordClass.CUSTOMER:
        return [answer.subject]
    customers = [one for one in answer.related if one.record_class is RecordClass.CUSTOMER]
    return [one for one in customers if one.rule != OTHER_PARTY_RULE]


def read_filing(form: MultiDict[str, str]) -> Filing:
    """Return what somebody filled in; fields that the form does not have are not looked at.

    Raises:
        InvalidValue: an id or the service end cannot be read.
    """
    kind, channel = form.get("kind", ""), form.get("channel", "")
    shipment = form.get("shipment", "")
    of_complaint = kind == "complaint"  # what belongs to another kind is not on the screen
    return Filing(
        customer=_id(form.get("customer", ""), "customer"),
        kind=kind,
        channel=channel,
        ended_at=_local_time(form.get("ended_at", "")),
        text=form.get("text", ""),
        result=form.get("result", ""),
        notice_version=form.get("notice_version", ""),
        notice_channel=form.get("notice_channel", "") or channel,
        category=form.get("category", "") if of_complaint else "",
        severity=form.get("severity", "") if of_complaint else "",
        rating=form.get("rating", "") if kind == "rating" else "",
        shipment=_id(shipment, "shipment") if shipment else None,
        closes="closes" in form,
    )


def _id(text: str, field: str) -> bytes:
    try:
        return bytes.fromhex(text) if len(text) == len("00" * 16) else _missing(field)
    except ValueError:
        return _missing(field)


def _missing(field: str) -> bytes:
    raise InvalidValue("not_on_list", field=field)


def _local_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field="ended_at") from None
    return told if told.tzinfo else told.replace(tzinfo=parts().policy.zone)
