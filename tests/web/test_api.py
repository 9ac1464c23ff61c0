from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from tests.web.conftest import (
    ABSENT_PHONE,
    ADMIN,
    AGENT,
    AUDITOR,
    HOST,
    IMD,
    INSPECTOR,
    OTHER_AGENT,
    OWNED_PHONE,
    POOL_PHONE,
    SUPERVISOR,
    WAYBILL,
    Front,
)
from vault.web.api import shapes
from vault.web.api.log import Events
from vault.web.api.routes import ROUTES
from vault.web.app import MOST_BYTES

ID = "0" * 32
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "sign_in": ("/sessions", {"work_number": AGENT, "password": "synthetic password"}),
    "change_password": ("/password", {"current": "synthetic password", "new": "another synthetic one"}),
    "look_up": ("/lookups", {"number": POOL_PHONE, "purpose": "query", "case": ID, "choose": ID}),
    "reveal": (f"/cases/{ID}/records/{ID}/reveals", {"field": "phone", "ordinal": 0}),
    "ask": ("/requests", {"case": ID, "number": POOL_PHONE}),
    "grant_request": (f"/requests/{ID}/grants", {"minutes": 30, "record": ID}),
    "refuse_request": (f"/requests/{ID}/refusals", {"reason": "no_need"}),
    "share_customer": (
        "/shares",
        {"case": ID, "record": ID, "work_number": OTHER_AGENT, "purpose": "query", "hours": 8},
    ),
    "file_service_record": (
        "/service-records",
        {
            "case": ID,
            "customer": ID,
            "shipment": ID,
            "kind": "consultation",
            "channel": "phone",
            "ended_at": "2026-01-01T08:00:00+08:00",
            "text": "synthetic text",
            "result": "resolved",
            "category": "price",
            "severity": "general",
            "rating": 5,
            "notice": {"version": "notice-2024-1", "channel": "phone"},
            "close": True,
        },
    ),
    "close_case": (f"/cases/{ID}/close", {"reason": "duplicate"}),
    "check_caller": (
        f"/cases/{ID}/records/{ID}/caller-checks",
        {"question": "name", "answer": "synthetic answer"},
    ),
    "refuse_caller": (f"/cases/{ID}/records/{ID}/caller-refusals", {"reason": "not_the_customer"}),
    "report_incident": ("/incidents", {"kind": "leak", "aware_at": "2026-01-01T08:00:00+08:00", "note": "synthetic"}),
    "begin_drill": ("/incidents/drills", {"kind": "leak"}),
    "activate_incident": (f"/incidents/{ID}/activate", {"note": "synthetic"}),
    "assess_incident": (f"/incidents/{ID}/assess", {"verdict": "breach", "note": "synthetic"}),
    "advance_incident": (f"/incidents/{ID}/advance", {"state": "contained", "note": "synthetic"}),
    "add_awareness": (f"/incidents/{ID}/awareness", {"aware_at": "2026-01-01T08:00:00+08:00", "note": "synthetic"}),
    "finish_incident_clock": (f"/incidents/{ID}/clocks/postal/done", {"note": "synthetic"}),
    "ask_incident_closing": (f"/incidents/{ID}/closing", {"note": "synthetic"}),
    "close_incident": (f"/incidents/{ID}/close", {"agree": True, "note": "synthetic"}),
    "preview_measure": (
        f"/incidents/{ID}/containment/preview",
        {"measure": "end_sessions", "target": "KF0000", "note": "synthetic"},
    ),
    "draft_misuse_record": (
        f"/incidents/{ID}/misuse",
        {
            "account": "KF0000",
            "statement": "synthetic",
            "contract_ended": True,
            "loss_claimed": False,
            "police_reference": "1",
            "since": "2026-01-01T08:00:00+08:00",
            "until": "2026-01-02T08:00:00+08:00",
        },
    ),
    "sign_misuse_record": (f"/misuse-records/{ID}/sign", {"digest": "0" * 64}),
    "withdraw_misuse_record": (f"/misuse-records/{ID}/withdraw", {"note": "synthetic"}),
    "draw_radius": (
        f"/incidents/{ID}/radius",
        {
            "person": AGENT,
            "session": ID,
            "source": "local",
            "since": "2026-01-01T08:00:00+08:00",
            "until": "2026-01-02T08:00:00+08:00",
            "cohort": ID,
            "backup": ID,
            "everything": True,
            "drill": True,
            "freeze": True,
        },
    ),
    "take_measure": (f"/incidents/{ID}/containment", {"measure": "read_only", "target": "", "note": "synthetic"}),
    "end_measure": (f"/incidents/{ID}/containment/{ID}/end", {"note": "synthetic"}),
    "keep_measure": (f"/incidents/{ID}/containment/{ID}/keep", {"note": "synthetic"}),
    "prepare_notices": (
        f"/incidents/{ID}/notices",
        {
            "radius": ID,
            "template": "standard-1",
            "channels": ["mail"],
            "zh": dict.fromkeys(("cause", "harm", "measures", "advice"), "synthetic"),
            "en": dict.fromkeys(("cause", "harm", "measures", "advice"), "synthetic"),
            "post_if_leaked": True,
        },
    ),
    "release_notices": (f"/incidents/{ID}/notices/{ID}/release", {"digest": "0" * 64}),
    "tick_call": (f"/incidents/{ID}/notices/{ID}/calls/{ID}/outcome", {"outcome": "reached"}),
    "decide_doubts": (f"/incidents/{ID}/notices/{ID}/doubts", {"decision": "arrived", "record": ID}),
    "make_notice_file": (f"/incidents/{ID}/notices/{ID}/files", {"format": "csv"}),
    "say_letters_posted": (f"/incidents/{ID}/notices/{ID}/letters/posted", {"records": [ID]}),
    "ask_for_no_notice": (f"/incidents/{ID}/notices/none", {"reason": "synthetic"}),
    "confirm_no_notice": (f"/incidents/{ID}/notices/none/confirmation", {"digest": "0" * 64}),
    "ask_radius_aside": (f"/incidents/{ID}/radius/{ID}/aside/ask", {"reason": "synthetic"}),
    "set_radius_aside": (f"/incidents/{ID}/radius/{ID}/aside", {"digest": "0" * 64}),
    "ask_in_emergency": (
        "/break-glass",
        {
            "case": ID,
            "number": POOL_PHONE,
            "profile": "danger",
            "reason": "owner_absent",
            "owner_contact": "yes",
            "owner_called_at": "2026-01-01T08:00Z",
        },
    ),
    "open_emergency": (
        f"/break-glass/{ID}/opening",
        {"work_number": AGENT, "password": "synthetic password", "code": "123456"},
    ),
    "vote_on_emergency": (f"/break-glass/{ID}/votes", {"approve": True, "reason": "emergency_confirmed"}),
    "review_emergency": (f"/break-glass/{ID}/review", {"finding": "justified"}),
    "search_events": ("/events/search", {"number": POOL_PHONE, "outcome": "granted"}),
    "preview_export": ("/exports/preview", {"since": "2026-01-01", "until": "2026-01-02"}),
    "export_log": ("/exports", {"since": "2026-01-01", "until": "2026-01-02"}),
    "change_place": ("/accounts/KF0000/place", {"role": "agent", "outlet": "NJ-GL-01", "team": "T1"}),
    "leave": ("/accounts/KF0000/leaving", {"successor": AGENT}),
    "make_service_account": (
        "/accounts",
        {"work_number": "BOT01", "name": "synthetic program", "role": "agent", "outlet": "NJ-GL-01"},
    ),
    "make_token": ("/accounts/KF0000/tokens", {"purposes": ["query"], "days": 7}),
    "offer_handover": ("/handovers", {"cases": [ID], "to": OTHER_AGENT, "note": "synthetic note"}),
    "refuse_handover": (f"/handovers/{ID}/refuse", {"reason": "too_many"}),
    "move_case": (f"/cases/{ID}/move", {"to": OTHER_AGENT}),
    "see_inbox": ("/inbox/seen", {"up_to": "2026-01-01T08:00:00+08:00"}),
    "give_code": ("/second-factor", {"code": "123456"}),
    "confirm": ("/confirmations", {"password": "synthetic password", "code": "123456"}),
    "finish_second_factor": ("/second-factor/first-code", {"code": "123456"}),
    "reset_second_factor": ("/second-factor/resets", {"work_number": "KF0000"}),
    "approve_plan": (f"/retention/plans/{ID}/approval", {"digest": "0" * 64}),
    "confirm_date": ("/retention/clock", {"today": "2026-01-01"}),
    "place_hold": (
        "/retention/holds",
        {"number": POOL_PHONE, "record": ID, "reason": "dispute", "source": "synthetic", "review_on": "2026-01-01"},
    ),
    "review_hold": (f"/retention/holds/{ID}/review", {"review_on": "2026-01-01"}),
    "release_hold": (f"/retention/holds/{ID}/release", {"reason": "settled"}),
    "register_box": (
        "/retention/boxes",
        {
            "label": "A-1",
            "class": "customer",
            "outlet": "NJ-GL-01",
            "custodian": AGENT,
            "newest_on": "2026-01-01",
            "due_on": "2026-01-01",
        },
    ),
    "hand_box_on": (f"/retention/boxes/{ID}/custodian", {"custodian": AGENT}),
}
WHO = {
    "reset_second_factor": ADMIN,
    "vote_on_emergency": SUPERVISOR,
    "review_emergency": IMD,
    "confirm": INSPECTOR,
    "search_events": AUDITOR,
    "preview_export": AUDITOR,
    "export_log": AUDITOR,
    "change_place": ADMIN,
    "leave": ADMIN,
    "make_service_account": ADMIN,
    "make_token": ADMIN,
    "move_case": SUPERVISOR,
}
OF_OFFICERS = (
    "approve_plan", "confirm_date", "place_hold", "review_hold", "release_hold", "register_box", "hand_box_on",
)  # fmt: skip
OF_INCIDENTS = (
    "draw_radius",
    "begin_drill", "activate_incident", "assess_incident", "advance_incident", "add_awareness", "finish_incident_clock",
    "ask_incident_closing", "close_incident", "preview_measure", "take_measure", "end_measure", "keep_measure",
    "draft_misuse_record", "sign_misuse_record", "withdraw_misuse_record", "prepare_notices", "release_notices",
    "tick_call", "decide_doubts", "make_notice_file", "say_letters_posted", "ask_for_no_notice",
    "confirm_no_notice", "ask_radius_aside", "set_radius_aside",
)  # fmt: skip
WHO |= dict.fromkeys((*OF_OFFICERS, *OF_INCIDENTS), IMD)
"""Who calls a route; all others are called by the agent, whose wrong passwords would slow down other tests."""

METHOD = {one.name: one.method for one in ROUTES}

YES_OR_NO = (
    "close", "approve", "agree", "contract_ended", "loss_claimed", "post_if_leaked", "everything", "drill", "freeze",
)  # fmt: skip
NEVER: tuple[Any, ...] = (True, 1.5, [], {}, [[["x"]]], "\0", "\ud800")
OPTIONAL = (
    {("look_up", "case"), ("look_up", "choose"), ("confirm", "code"), ("open_emergency", "code")}
    | {("leave", "successor"), ("see_inbox", "up_to")}
    | {
        ("ask_in_emergency", "owner_called_at"),
    }
    | {("grant_request", "record"), ("report_incident", "aware_at")}
    | {("decide_doubts", "record")}
    | {("draw_radius", field) for field in ("person", "session", "source", "since", "until", "cohort", "backup")}
    | {("draft_misuse_record", "since"), ("draft_misuse_record", "until")}
    | {("place_hold", field) for field in ("number", "record", "review_on")}
    | {("review_hold", "review_on"), ("register_box", "newest_on"), ("register_box", "due_on")}
    | {("search_events", field) for field in ("number", "outcome")}
    | {("file_service_record", field) for field in ("shipment", "ended_at", "category", "severity", "rating")}
)
FIELDS = [(name, field) for name, (_, body) in BODIES.items() for field in body]


def look_up(front: Front, number: str, who: str = AGENT, **more: Any) -> Any:
    return front.api("POST", "/lookups", who=who, json={"number": number, "purpose": "query", **more})


def fits(shape: type[shapes.Shape], text: str) -> None:
    shape.model_validate_json(text)


# -- the walks ---------------------------------------------------------------------------------------------------


def test_signing_in_gives_a_token_that_signing_out_ends(front: Front) -> None:
    body = {"work_number": AGENT, "password": front.passwords[AGENT]}
    answer = front.api("POST", "/sessions", who=None, json=body)
    assert (answer.status_code, answer.json["role"]) == (201, "agent")
    fits(shapes.Session, answer.text)
    headers = {"Authorization": f"bearer {answer.json['token']}"}
    assert front.api("GET", "/cases", who=None, headers=headers).status_code == 200
    done = front.api("DELETE", "/sessions/current", who=None, headers=headers)
    assert (done.status_code, done.data) == (204, b"")
    assert front.api("GET", "/cases", who=None, headers=headers).status_code == 401


@pytest.mark.parametrize(("who", "password"), [(AGENT, "not the password"), ("KF0000", "not the password")])
def test_a_wrong_password_and_an_unknown_number_are_one_answer(front: Front, who: str, password: str) -> None:
    answer = front.api("POST", "/sessions", who=None, json={"work_number": who, "password": password})
    assert answer.status_code == 401
    assert (answer.json["code"], answer.json["reason"]) == ("sign_in_refused", "sign_in_refused")


@pytest.mark.parametrize("number", [POOL_PHONE, f"+86 {POOL_PHONE}", "１３９-1234-5601", "991201197910100465"])
def test_a_pool_customer_is_found_by_any_spelling_and_comes_masked(front: Front, number: str) -> None:
    answer = look_up(front, number)
    assert answer.status_code == 200
    fits(shapes.Found, answer.text)
    (card,) = answer.json["records"]
    shown = {one["field"]: one for one in card["values"]}
    assert (shown["name"]["text"], shown["phone"]["text"]) == ("华*", "139********")
    assert POOL_PHONE not in answer.text


def test_a_shipment_comes_with_its_parties_and_its_structured_fields_parsed(front: Front) -> None:
    answer = look_up(front, WAYBILL)
    fits(shapes.Found, answer.text)
    shipment, *parties = answer.json["records"]
    assert {one["part"] for one in parties} == {"sender", "recipient"}
    track = next(one for one in shipment["values"] if one["field"] == "track")
    assert set(track["value"]) == {"pickup", "transit", "delivery", "signed"}
    assert "text" not in track


def test_not_there_and_not_yours_are_one_answer_apart_from_the_random_case(front: Front) -> None:
    absent, refused = look_up(front, ABSENT_PHONE), look_up(front, OWNED_PHONE)
    assert absent.status_code == refused.status_code == 404
    assert absent.json.pop("case") != refused.json.pop("case")
    texts = [one.text.replace(one.json["case"], "") for one in (absent, refused)]
    assert texts[0] == texts[1]
    assert list(absent.headers) == list(refused.headers)
    assert look_up(front, OWNED_PHONE, who=OTHER_AGENT).status_code == 200


def test_a_number_that_is_none_names_the_field(front: Front) -> None:
    answer = look_up(front, "12345")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_value")
    assert answer.json["field"] == "number"


@pytest.mark.parametrize("purpose", ["advertising", "callback", "unknown_word"])
def test_a_purpose_that_is_not_theirs_is_refused(front: Front, purpose: str) -> None:
    answer = look_up(front, POOL_PHONE, purpose=purpose)
    assert (answer.status_code, answer.json["code"]) == (403, "access_refused")


def test_a_case_goes_on_for_its_opener_and_for_nobody_else(front: Front, found: dict[str, Any]) -> None:
    assert look_up(front, WAYBILL, case=found["case"]).json["case"] == found["case"]
    assert look_up(front, WAYBILL, who=SUPERVISOR, case=found["case"]).status_code == 404
    assert look_up(front, WAYBILL, case=ID).status_code == 404


def test_a_record_is_seen_again_within_its_case(front: Front, found: dict[str, Any]) -> None:
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}"
    answer = front.api("GET", path)
    assert answer.status_code == 200
    fits(shapes.RecordInCase, answer.text)
    assert [one["class"] for one in answer.json["related"]] == ["shipment"]
    assert front.api("GET", path, who=OTHER_AGENT).status_code == 404


def test_one_field_is_revealed_and_says_for_how_long(front: Front, found: dict[str, Any]) -> None:
    front.verify_caller(found)
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}/reveals"
    answer = front.api("POST", path, json={"field": "phone"})
    assert answer.json == {"field": "phone", "ordinal": 0, "value": POOL_PHONE, "seconds": 30}
    fits(shapes.Revealed, answer.text)
    for body in ({"field": "source_number"}, {"field": "no_such_field"}, {"field": "phone", "ordinal": 7}):
        assert front.api("POST", path, json=body).status_code == 403


def test_asking_records_a_request_whether_it_exists_or_not(front: Front) -> None:
    answers = []
    for number in (ABSENT_PHONE, OWNED_PHONE):
        case = look_up(front, number).json["case"]
        answers.append(front.api("POST", "/requests", json={"case": case, "number": number}))
        fits(shapes.Asked, answers[-1].text)
    assert {one.status_code for one in answers} == {202}
    listed = front.api("GET", "/cases")
    fits(shapes.MyCases, listed.text)
    assert {one.json["request"] for one in answers} <= {one["request"] for one in listed.json["requests"]}


def test_an_auditor_pages_through_the_log(front: Front, found: dict[str, Any]) -> None:
    first = front.api("GET", "/events?limit=2", who=AUDITOR)
    fits(Events, first.text)
    indices = [one["index"] for one in first.json["events"]]
    assert len(indices) == 2
    after = front.api("GET", f"/events?limit=1&before={indices[-1]}", who=AUDITOR)
    assert [one["index"] for one in after.json["events"]] == [indices[-1] - 1]


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=-1", "limit=1_0", "limit=x", "before=", "before=1&before=2", "number=1"]
)
def test_a_query_that_cannot_be_is_400(front: Front, query: str) -> None:
    answer = front.api("GET", f"/events?{query}", who=AUDITOR)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_value")
    assert answer.json["field"] == query.partition("=")[0]


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


BAD_BODIES = {
    "not_json": ("", "{", "[1,", "nonsense", "{'number': 1}", '{"number": 1}x', '{"number": NaN}', '{"a": Infinity}'),
    "wrong_type": ("[]", "null", '"text"', "1", deep(25), '{"number": 1, "purpose": "query"}'),
    "nested_too_deep": (deep(20_000), '{"number":' + deep(20_000) + "}"),
    "duplicate_key": ('{"number": "1", "number": "2", "purpose": "query"}', '{"a": {"b": 1, "b": 1}}'),
    "unknown_key": ('{"number": "13912345601", "purpose": "query", "admin": true}',),
    "missing": ("{}", '{"number": "13912345601"}'),
    "not_text": ('{"number": "\\u0000", "purpose": "query"}', '{"number": "\\ud800", "purpose": "query"}'),
}


@pytest.mark.parametrize(("reason", "body"), [(reason, body) for reason, some in BAD_BODIES.items() for body in some])
def test_a_body_of_another_form_is_400_and_says_why(front: Front, reason: str, body: str) -> None:
    answer = front.api("POST", "/lookups", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (400, "invalid_value", reason)


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe{}", '{"number": "1"}'.encode("utf-16"), b"\x00", b'{"a": "\x00"}', b"\xef\xbb\xbf{}"]
)
def test_a_body_in_another_encoding_is_400(front: Front, raw: bytes) -> None:
    answer = front.api("POST", "/lookups", data=raw, content_type="application/json")
    assert (answer.status_code, answer.json["reason"]) == (400, "not_json")


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *(
            (name, field, value)
            for name, field in FIELDS
            for value in NEVER
            if not (value is True and field in YES_OR_NO)
        ),
        *((name, field, 1) for name, field in FIELDS if field not in ("ordinal", "rating", "hours", "days", "minutes")),
        *((name, field, None) for name, field in FIELDS if (name, field) not in OPTIONAL),
        *((name, field, "x" * 5000) for name, field in FIELDS),
        *(("file_service_record", "rating", value) for value in (0, 6, -1, "5")),
        *(
            ("file_service_record", "ended_at", value)
            for value in ("2026-01-01", "2026-01-01T08:00:00", "2026-13-01T08:00:00Z", "٢٠٢٦-01-01T08:00:00Z")
        ),
        ("file_service_record", "notice", {"version": "notice-2024-1"}),
        ("file_service_record", "notice", {"version": "notice-2024-1", "channel": "phone", "at": "now"}),
        ("file_service_record", "notice", {"version": "Notice 1", "channel": "phone"}),
        ("reveal", "ordinal", -1),
        ("reveal", "ordinal", 1000),
        ("reveal", "ordinal", 10**40),
        ("reveal", "ordinal", "0"),
        ("reveal", "field", "Phone"),
        ("look_up", "case", "0" * 31),
        ("look_up", "case", "0" * 31 + "G"),
        ("look_up", "case", "0" * 32 + "\n"),
        ("look_up", "purpose", "query "),
    ],
)
def test_a_wrong_value_is_400_and_names_its_field(front: Front, name: str, field: str, value: Any) -> None:
    path, good = BODIES[name]
    answer = front.api(METHOD[name], path, who=WHO.get(name, AGENT), json=good | {field: value})
    assert (answer.status_code, answer.json["field"]) == (400, field)


@pytest.mark.parametrize("digits", [400, 5000, 60_000])
def test_a_number_of_any_length_is_400(front: Front, digits: int) -> None:
    path, _ = BODIES["reveal"]
    body = '{"field": "phone", "ordinal": ' + "9" * digits + "}"
    assert front.api("POST", path, data=body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("name", BODIES)
def test_a_body_over_64_kib_is_413(front: Front, name: str) -> None:
    path, good = BODIES[name]
    body = json.dumps(good) + " " * 65 * 1024
    answer = front.api(METHOD[name], path, who=WHO.get(name, AGENT), data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_a_body_that_does_not_say_its_length_is_cut_off_at_64_kib(front: Front) -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b" " * size

    stream = Endless()
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    environ["CONTENT_TYPE"] = "application/json"
    answer = front.api("POST", "/lookups", environ_overrides=environ)
    assert answer.status_code == 413
    assert stream.given <= MOST_BYTES * 4


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_not_said_to_be_json_is_415(front: Front, name: str, kind: str) -> None:
    path, good = BODIES[name]
    answer = front.api(METHOD[name], path, who=WHO.get(name, AGENT), data=json.dumps(good), content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "path", [f"/cases/{ID}x/records/{ID}", f"/cases/{ID}/records/{'A' * 32}", "/cases/1/records/2"]
)
def test_an_id_of_another_form_is_not_there(front: Front, path: str) -> None:
    assert front.api("GET", path).status_code == 404


def test_a_marker_typed_anywhere_appears_in_no_answer_header_or_line(front: Front, written: StringIO) -> None:
    marker = "13800138000"
    asked = 0
    for name, path, body in _with_marker(marker):
        for who in (WHO.get(name, AGENT), None):
            answer = front.api(METHOD[name], path, who=who, **body)
            asked += 1
            assert answer.status_code >= 400 or name == "search_events", path  # which says that nothing carries it
            assert marker not in answer.text, path
            assert marker not in str(answer.headers), path
    assert asked > 60
    for path in (f"/events?before={marker}x", f"/events?{marker}=1", f"/cases/{marker}/records/{ID}", f"/{marker}"):
        answer = front.api("GET", path, who=AUDITOR)
        assert answer.status_code >= 400
        assert marker not in answer.text + str(answer.headers)
    assert '"event": "request"' in written.getvalue()
    assert marker not in written.getvalue()


MADE_ANYHOW = ("make_service_account", "report_incident")
"""What would be made or opened with a marker in it; tests of their own look at what becomes of it."""


def _with_marker(marker: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, (path, good) in BODIES.items():
        for field in good if name not in MADE_ANYHOW else ():
            for value in (marker, int(marker), [marker], {marker: marker}, f"{marker}\0", f"x{marker}" * 200):
                yield name, path, {"json": good | {field: value}}
        yield name, path, {"json": good | {marker: marker}}
        yield name, path, {"data": f'{{"{marker}": 1, "{marker}": 2}}', "content_type": "application/json"}
        yield name, path, {"data": marker * 8000, "content_type": "application/json"}
        yield name, path, {"data": f"{marker}{{", "content_type": f"application/json; charset={marker}"}
        yield name, path, {"data": marker, "content_type": f"text/{marker}", "headers": {"X-Request-Id": marker}}


def test_every_route_with_a_body_is_among_those_tried_with_bad_ones() -> None:
    assert {one.name for one in ROUTES if one.body is not None} == set(BODIES)


def test_answers_are_compact_json_in_utf_8(front: Front) -> None:
    answer = look_up(front, POOL_PHONE)
    assert answer.content_type == "application/json"
    assert b": " not in answer.data
    assert "华*".encode() in answer.data


def test_the_api_sets_no_cookie_and_does_not_vary_by_one(front: Front) -> None:
    answer = front.client().get(
        "/api/v1/cases", base_url=HOST, headers={"Authorization": f"Bearer {front.token(AGENT)}"}
    )
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers
