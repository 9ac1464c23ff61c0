"""My cases: listing them, filing a service record, closing, for programs."""

from __future__ import annotations

from typing import Any

from vault.domain.rules.access import Right
from vault.services import cases, filing
from vault.services.filing import Filing
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.requests import request_line
from vault.web.api.routes import id_of, moment_of, route, time_text
from vault.web.gate import now, parts, person


@route("GET", "/cases", gate.door(), answer=shapes.MyCases)
def my_cases() -> dict[str, Any]:
    """List my cases, open ones first, and my requests, newest first."""
    policy, moment = parts().policy, now()
    opened, asked = cases.my_cases(parts(), person(), moment)
    return {
        "cases": [
            {
                "case": one.case_id.hex(),
                "purpose": one.purpose,
                "opened_at": time_text(one.opened_at),
                "closed_at": None if one.closed_at is None else time_text(one.closed_at),
                "clock": cases.clock_of(policy, one, moment).value if one.closed_at is None else None,
            }
            for one in opened
        ],
        "requests": [request_line(one) for one in asked],
    }


@route(
    "POST",
    "/service-records",
    gate.door(Right.LOOKUP),
    answer=shapes.FiledRecord,
    status=201,
    body=shapes.ServiceRecordBody,
)
def file_service_record(body: shapes.ServiceRecordBody) -> dict[str, Any]:
    """File a service record from my open case; by default the case is closed with it."""
    entered = Filing(
        customer=bytes.fromhex(body.customer),
        kind=body.kind,
        channel=body.channel,
        ended_at=moment_of(body.ended_at, "ended_at"),
        text=body.text,
        result=body.result,
        notice_version=body.notice.version,
        notice_channel=body.notice.channel,
        category=body.category or "",
        severity=body.severity or "",
        rating="" if body.rating is None else str(body.rating),
        shipment=id_of(body.shipment),
        closes=body.close,
    )
    filed = filing.file(parts(), person(), bytes.fromhex(body.case), entered, now())
    return {"record": filed.record_id.hex(), "late": filed.late}


@route("POST", "/cases/<hex32:case>/close", gate.door(Right.LOOKUP), answer=None, status=204, body=shapes.CloseBody)
def close_case(body: shapes.CloseBody, case: bytes) -> None:
    """Close my case without a service record; from the next request on it gives no access."""
    cases.close(parts(), person(), case, body.reason, now())
