"""Who sees what, through HTTP: role × route × object × field × purpose, made from the policies and the routes.

What is expected is computed from the rules; what happens is observed at the front door; and both must be what
``policy explain`` says.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.quotas import without_quotas
from tests.simulator import World, complaint_row, customer_row, local, service_row, shipment_row
from tests.worlds import copied, gone
from vault.bootstrap import FIRST_ADMIN
from vault.domain.explain import Line, explain
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role, new_id
from vault.domain.masks import mask
from vault.domain.records import to_micros
from vault.domain.rules.access import PurposeKind, Right, Scope, View
from vault.services.steps.tokens import digest
from vault.storage import grants, sessions
from vault.web import gate
from vault.web.api.records import STRUCTURED
from vault.web.api.routes import ROUTES, Route
from vault.web.app import create_app

pytestmark = pytest.mark.slow

HOST = "http://127.0.0.1:8321"
PEOPLE = {
    Role.AGENT: "KF2001",
    Role.COMPLAINT_SPECIALIST: "KF2008",
    Role.SUPERVISOR: "KF2009",
    Role.QUALITY_INSPECTOR: "KF2011",
    Role.IMD: "KF2012",
    Role.AUDITOR: "KF2014",
    Role.ADMIN: FIRST_ADMIN,
}
COLLEAGUE, STRANGER, ELSEWHERE = "KF2002", "KF2004", "KF2005"
"""The colleague sits in the agent's own team; the stranger works for another outlet, in a team without a supervisor;
the third for yet another one, whose customers none of the people above may decide on."""

OBJECTS = ("own", "colleagues", "strangers", "pool", "granted", "complained", "expired", "absent")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_HEX = re.compile(r"<hex32:(\w+)>")


def in_scope(scope: Scope, what: str) -> str | None:
    """Say by which rule something is in scope; written down by hand, so that it can disagree with the code."""
    if what in {"expired", "absent"} or scope is Scope.NONE:
        return None
    if what == "granted":
        return "scope.grant"
    return {
        Scope.OWN_AND_POOL: {"own": "scope.owner", "pool": "scope.pool_case"},
        Scope.OPEN_COMPLAINTS: {"complained": "scope.open_complaint"},
        Scope.TEAM_AND_OUTLET_POOL: {"own": "scope.team", "colleagues": "scope.team", "pool": "scope.outlet_pool"},
    }[scope].get(what)


@dataclass
class Scene:
    """A small company behind its front door."""

    world: World
    app: Flask
    rows: dict[str, dict[str, str]]
    ids: dict[str, bytes]
    values: dict[bytes, dict[tuple[str, int], str]]
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> Any:
        return self.world.parts.policy

    def token(self, work_number: str) -> str:
        """Return a bearer token of a session that is fresh enough for every act."""
        if work_number not in self.tokens:
            token, now = secrets.token_urlsafe(32), self.world.now
            with self.world.parts.database.write() as connection:
                sessions.add(
                    connection,
                    {
                        "session_hash": digest(token),
                        "session_id": new_id(),
                        "account_id": self.world.person(work_number).account_id,
                        "source": "127.0.0.1",
                        "created_at": now,
                        "seen_at": now,
                        "expires_at": now + timedelta(hours=8),
                        "proved_at": now,
                    },
                )
                connection.commit()
            self.tokens[work_number] = token
        return self.tokens[work_number]

    def call(self, method: str, path: str, who: str | None, **given: Any) -> Any:
        """Call the API as somebody."""
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, base_url=HOST, **given)

    def look_up(self, who: str, number: str, purpose: str, case: str | None = None) -> Any:
        """Look a number up as somebody."""
        body = {"number": number, "purpose": purpose} | ({"case": case} if case else {})
        return self.call("POST", "/lookups", who, json=body)

    def case_of(self, who: str, purpose: str) -> str:
        """Return a fresh case of somebody, opened on a number that nobody has."""
        answer = self.look_up(who, "13999999999", purpose)
        assert answer.status_code == 404
        case: str = answer.json["case"]
        return case

    def grant(self, who: str, case: str, purpose: str, record: str = "granted") -> str:
        """Give somebody access to a customer of the stranger's, within a case."""
        grant_id, now = new_id(), self.world.now
        with self.world.parts.database.write() as connection:
            grants.add(
                connection,
                {
                    "grant_id": grant_id,
                    "kind": "asked",
                    "account_id": self.world.person(who).account_id,
                    "record_id": self.ids[record],
                    "case_id": bytes.fromhex(case),
                    "purpose": purpose,
                    "granted_by": self.world.person(STRANGER).account_id,
                    "granted_at": now,
                    "expires_at": now + timedelta(hours=1),
                },
            )
            connection.commit()
        return grant_id.hex()

    def verify_caller(self, who: str, case: str, record: str) -> None:
        """Let the caller prove to be a customer."""
        values = self.values[bytes.fromhex(record)]
        for question, answer in (("id_last4", values["id_number", 0][-4:]), ("name", values["name", 0])):
            path = f"/cases/{case}/records/{record}/caller-checks"
            checked = self.call("POST", path, who, json={"question": question, "answer": answer})
            assert checked.json["match"], checked.json

    def secrets(self) -> set[str]:
        """Return every value that stands for itself in an answer: names, numbers and addresses in clear."""
        fields = {"name", "phone", "other_contact", "sender_address", "recipient_address", "id_number", "text"}
        return {value for one in self.values.values() for (name, _), value in one.items() if name in fields}


def enact(world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Fill a vault, open its front door and set its clock."""
    world.parts = without_quotas(world.parts)
    rows = {
        "own": customer_row(owner=PEOPLE[Role.AGENT], other_contact="0592-3940580", name="诸葛小明"),
        "colleagues": customer_row(owner=COLLEAGUE, name="司马小红"),
        "strangers": customer_row(owner=STRANGER, outlet="XM-SM-01", name="慕容小刚"),
        "pool": customer_row(name="上官小兰"),
        "granted": customer_row(owner=STRANGER, outlet="XM-SM-01", name="令狐小菊"),
        "complained": customer_row(owner=STRANGER, outlet="XM-SM-01", name="东方小梅"),
        "expired": customer_row(
            owner=PEOPLE[Role.AGENT], name="南宫小竹", last_activity_at=local(world.now - timedelta(days=800))
        ),
    }
    rows["elsewhere"] = customer_row(owner=ELSEWHERE, outlet="CS-YL-01", name="公孙小雪")
    world.customers(*rows.values())
    shipments = [shipment_row(rows["own"], rows["strangers"]), shipment_row(rows["pool"], rows["complained"])]
    world.shipments(*shipments)
    world.services(
        service_row(rows["own"], waybill=shipments[0]["waybill"]),
        service_row(rows["pool"], waybill=shipments[1]["waybill"], agent=COLLEAGUE),
        complaint_row(rows["complained"], agent=PEOPLE[Role.COMPLAINT_SPECIALIST]),
    )
    values = world.opened()
    ids = {
        what: next(key for key, one in values.items() if one.get(("name", 0)) == row["name"])
        for what, row in rows.items()
    }
    rows |= {f"shipment_of_{what}": row for what, row in zip(("own", "pool"), shipments, strict=True)}
    for what in ("own", "pool"):
        waybill = rows[f"shipment_of_{what}"]["waybill"]
        ids[f"shipment_of_{what}"] = next(key for key, one in values.items() if one.get(("waybill", 0)) == waybill)
    now = to_micros(world.now)
    for work_number in (*PEOPLE.values(), COLLEAGUE, STRANGER, ELSEWHERE, "KF2003", "KF2010"):
        world.tamper(
            "UPDATE accounts SET state = 'active', password = '-', password_changed_at = :now, "
            "totp_confirmed_at = :now WHERE work_number = :who",
            now=now,
            who=work_number,
        )
    app = create_app(world.parts, world.config)
    for name, module in list(sys.modules.items()):
        if name.startswith("vault.web.") and hasattr(module, "now"):
            monkeypatch.setattr(module, "now", lambda: world.now)
    return Scene(world, app, rows, ids, values)


@pytest.fixture
def scene(templates: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """The scene on SQLite: the rules do not know the engine."""
    world = copied(templates("sqlite"), tmp_path / "vault")
    yield enact(world, monkeypatch)
    gone(world)


@pytest.fixture
def postgresql_scene(postgresql_world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The same on PostgreSQL, for a sample."""
    return enact(postgresql_world, monkeypatch)


# -- what is observed --------------------------------------------------------------------------------------------

Seen = Mapping[tuple[str, int], tuple[View, str]]


def observed(card: Mapping[str, Any], values: Mapping[tuple[str, int], str]) -> Seen:
    """Return how each value that a record holds is seen on a card; what is not on it is hidden."""
    on_card = {(one["field"], one["ordinal"]): one for one in card["values"]}
    assert on_card.keys() <= values.keys()
    seen = {}
    for place, raw in values.items():
        one = on_card.get(place)
        if one is None:
            seen[place] = (View.HIDDEN, "")
            continue
        text = json.dumps(one["value"]) if one["field"] in STRUCTURED else one["text"]
        plain = json.loads(raw) == one["value"] if one["field"] in STRUCTURED else text == raw
        view = View.REVEAL if one["revealable"] else View.PLAIN if plain else View.MASKED
        seen[place] = (view, "" if view is View.PLAIN else text)
    return seen


def expected(lines: Mapping[str, Line], values: Mapping[tuple[str, int], str]) -> Seen:
    """Return how each value must be seen, by what ``policy explain`` says."""
    seen = {}
    for place, raw in values.items():
        line = lines.get(place[0])
        if line is None or line.view is View.HIDDEN:
            seen[place] = (View.HIDDEN, "")
        else:
            seen[place] = (line.view, "" if line.view is View.PLAIN else mask(line.mask, raw))
    return seen


def explained(scene: Scene, role: Role, purpose: str, part: str, record_class: str) -> dict[str, Line]:
    """Return the lines of ``policy explain`` for a part of an answer."""
    lines = explain(scene.policy, role, purpose).lines
    return {one.field: one for one in lines if one.part == part and one.record_class.value == record_class}


def agrees(scene: Scene, role: Role, purpose: str, card: Mapping[str, Any], part: str, typed: str = "") -> None:
    """Check a card against the explanation; what was typed in full is shown as typed."""
    values = scene.values[bytes.fromhex(card["id"])]
    lines = explained(scene, role, purpose, part, card["class"])
    if typed:
        lines[typed] = Line("", RecordClass(card["class"]), typed, View.PLAIN)
    wanted = dict(expected(lines, values))
    recipient_in_scope = in_scope(scene.policy.roles[role].scope, "strangers") is not None
    signed = wanted.get(("signed_by", 0))
    if signed is not None and signed[0] is View.REVEAL and not recipient_in_scope:
        wanted["signed_by", 0] = (View.MASKED, signed[1])
    assert dict(observed(card, values)) == wanted


# -- purposes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_a_purpose_is_answered_as_the_policy_says_for_every_role(scene: Scene, role: Role) -> None:
    rule, who = scene.policy.roles[role], PEOPLE[role]
    for purpose, known in scene.policy.purposes.items():
        answer = scene.look_up(who, scene.rows["own"]["phone"], purpose)
        if Right.LOOKUP not in rule.rights:
            wanted = (403, "no_right")
        elif known.kind is PurposeKind.FORBIDDEN:
            wanted = (403, "purpose_forbidden")
        elif purpose not in rule.purposes:
            wanted = (403, "purpose_not_yours")
        else:
            wanted = (200, None) if in_scope(rule.scope, "own") else (404, None)
        assert (answer.status_code, answer.json.get("reason")) == wanted, purpose
        assert not {one for one in scene.secrets() if one in answer.text}
    events = scene.world.events("record.lookup", "refused")
    forbidden = [name for name, one in scene.policy.purposes.items() if one.kind is PurposeKind.FORBIDDEN]
    if Right.LOOKUP in rule.rights:
        assert [one["purpose"] for one in events if one["rule"] == "purpose_forbidden"] == forbidden


# -- objects and fields ------------------------------------------------------------------------------------------

LOOKING = (Role.AGENT, Role.COMPLAINT_SPECIALIST, Role.SUPERVISOR)


def test_exactly_the_roles_tried_here_may_look_up(scene: Scene) -> None:
    assert {role for role, rule in scene.policy.roles.items() if Right.LOOKUP in rule.rights} == set(LOOKING)


@pytest.mark.parametrize("role", LOOKING)
def test_each_object_is_seen_as_scope_and_explanation_say(scene: Scene, role: Role) -> None:
    rule, who = scene.policy.roles[role], PEOPLE[role]
    for purpose in rule.purposes:
        case = scene.case_of(who, purpose)
        scene.grant(who, case, purpose)
        for what in OBJECTS:
            number = scene.rows[what]["phone"] if what in scene.rows else "13999999998"
            answer = scene.look_up(who, number, purpose, case)
            let_in = in_scope(rule.scope, what)
            if let_in is None:
                assert (answer.status_code, answer.json["code"]) == (404, "not_found"), (what, purpose)
                continue
            assert answer.status_code == 200, (what, purpose, answer.text)
            (card,) = answer.json["records"]
            assert card["rule"] == let_in
            agrees(scene, role, purpose, card, "")


def test_the_same_is_seen_on_postgresql(postgresql_scene: Scene) -> None:
    scene = postgresql_scene
    for role in LOOKING:
        rule, who = scene.policy.roles[role], PEOPLE[role]
        case = scene.case_of(who, "query")
        scene.grant(who, case, "query")
        for what in OBJECTS[:-1]:
            answer = scene.look_up(who, scene.rows[what]["phone"], "query", case)
            assert answer.status_code == (200 if in_scope(rule.scope, what) else 404), (role, what)
            if answer.status_code == 200:
                agrees(scene, role, "query", answer.json["records"][0], "")


@pytest.mark.parametrize("role", LOOKING)
def test_each_field_of_each_object_is_revealed_or_refused_as_explained(scene: Scene, role: Role) -> None:
    rule, who = scene.policy.roles[role], PEOPLE[role]
    names = [*FIELDS[RecordClass.CUSTOMER], "waybill", "nonsense"]
    for purpose in rule.purposes:
        case = scene.case_of(who, purpose)
        scene.grant(who, case, purpose)
        lines = explained(scene, role, purpose, "", "customer")
        for what in OBJECTS:
            let_in, record = in_scope(rule.scope, what), scene.ids.get(what, new_id())
            path = f"/cases/{case}/records/{record.hex()}/reveals"
            if let_in == "scope.pool_case":  # not bound yet: as if it were not there
                assert scene.call("POST", path, who, json={"field": "phone"}).status_code == 404
                assert scene.look_up(who, scene.rows[what]["phone"], purpose, case).status_code == 200
            if let_in in scene.policy.verification.required_by:
                answer = scene.call("POST", path, who, json={"field": "phone"})
                assert (answer.status_code, answer.json["reason"]) == (403, "caller_not_verified")
                scene.verify_caller(who, case, record.hex())
            for name in names if let_in else ("phone", "id_number", "nonsense"):
                answer = scene.call("POST", path, who, json={"field": name})
                raw = scene.values.get(record, {}).get((name, 0))
                if let_in is None:
                    assert (answer.status_code, answer.json["code"]) == (404, "not_found"), (what, name)
                elif raw is not None and name in lines and lines[name].view is View.REVEAL:
                    assert (answer.status_code, answer.json["value"]) == (200, raw), (what, name, purpose)
                else:
                    assert (answer.status_code, answer.json["reason"]) == (403, "field_not_revealed"), (what, name)
                    assert raw is None or len(raw) < 2 or raw not in answer.text


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_a_shipment_its_parties_and_its_services_are_seen_as_explained(scene: Scene, role: Role) -> None:
    rule, who = scene.policy.roles[role], PEOPLE[role]
    for purpose in rule.purposes:
        answer = scene.look_up(who, scene.rows["shipment_of_own"]["waybill"], purpose).json
        parts = {card["part"]: card for card in answer["records"]}
        assert set(parts) == {"match", "sender", "recipient"}
        agrees(scene, role, purpose, parts["match"], "", typed="waybill")
        agrees(scene, role, purpose, parts["sender"], "sender")
        assert parts["recipient"]["rule"] == "other_party"
        other = explained(scene, role, purpose, "other_party", "customer")
        other.pop("sender_address")  # a recipient's town is where the parcel goes
        values = scene.values[scene.ids["strangers"]]
        assert dict(observed(parts["recipient"], values)) == dict(expected(other, values))
        seen = scene.call("GET", f"/cases/{answer['case']}/records/{scene.ids['own'].hex()}", who).json
        agrees(scene, role, purpose, seen["record"], "")
        classes = set()
        for card in seen["related"]:
            agrees(scene, role, purpose, card, "")
            classes.add(card["class"])
        assert classes == {"shipment", "service_record"}


def test_the_specialist_loses_sight_when_the_complaint_is_settled(scene: Scene) -> None:
    who, phone = PEOPLE[Role.COMPLAINT_SPECIALIST], scene.rows["complained"]["phone"]
    found = scene.look_up(who, phone, "complaint").json
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}"
    assert scene.call("GET", path, who).status_code == 200
    scene.world.tamper("DELETE FROM records WHERE kind = 'complaint'")
    assert scene.call("GET", path, who).status_code == 404
    assert scene.look_up(who, phone, "complaint").status_code == 404


def test_no_masked_value_can_be_looked_up_sorted_or_filtered_by(scene: Scene) -> None:
    who = PEOPLE[Role.AGENT]
    for typed in (
        "诸葛*",
        "诸葛小明",
        "139********",
        "江苏省南京市鼓楼区***",
        "鞋靴",
        "•" * 8,
        "YT*********4321",
        "%",
        "1390",
    ):
        assert scene.look_up(who, typed, "query").status_code == 400, typed
    found = scene.look_up(who, scene.rows["own"]["phone"], "query").json
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}"
    before = scene.call("GET", path, who).json
    for query in (
        "sort=name",
        "order_by=phone",
        "filter=name:诸葛小明",
        "name=诸葛小明",
        "phone=139",
        "q=139",
        "fields=phone",
    ):
        answer = scene.call("GET", f"{path}?{query}", who)
        assert answer.status_code == 400 or answer.json == before, query
    for one in ROUTES:
        if one.method == "GET" and "<" not in one.path and one.door.right in (None, Right.LOOKUP, Right.DECIDE):
            plain = scene.call("GET", one.path, who)
            sorted_by = scene.call("GET", f"{one.path}?sort=phone&name=诸葛小明", who)
            assert sorted_by.status_code == 400 or sorted_by.json == plain.json, one.path


def test_fields_that_are_not_asked_for_cannot_be_slipped_in(scene: Scene) -> None:
    who = PEOPLE[Role.AGENT]
    body = {"number": scene.rows["colleagues"]["phone"], "purpose": "query"}
    for extra in (
        {"role": "supervisor"},
        {"account_id": "0" * 32},
        {"scope": "all"},
        {"purpose_override": "complaint"},
    ):
        answer = scene.call("POST", "/lookups", who, json=body | extra)
        assert (answer.status_code, answer.json["reason"]) == (400, "unknown_key")


# -- routes ------------------------------------------------------------------------------------------------------


def filled(one: Route, ids: Mapping[str, str]) -> str:
    """Return a route's address with ids; a parameter that nobody named gets a random one."""
    return _PARAMETER.sub(lambda found: ids.get(found[1], new_id().hex()), one.path)


def body_for(one: Route, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body for a route of the fields that somebody named a value for; the rest is left out."""
    if one.body is None:
        return {}
    return {"json": {name: given[name] for name in one.body.model_fields if name in given}}


def strange(scene: Scene) -> tuple[dict[str, str], dict[str, Any]]:
    """Return ids and values that belong to a stranger: for addresses and for bodies."""
    case = scene.look_up(STRANGER, scene.rows["strangers"]["phone"], "query").json["case"]
    absent = scene.case_of(STRANGER, "query")
    asked = scene.call("POST", "/requests", STRANGER, json={"case": absent, "number": scene.rows["elsewhere"]["phone"]})
    record = scene.ids["strangers"].hex()
    ids = {"case": case, "record": record, "request": asked.json["request"], "work_number": "KF2003"}
    ids["grant"] = scene.grant(STRANGER, case, "query", "strangers")
    given: dict[str, Any] = {
        "case": case,
        "cases": [case],
        "record": record,
        "customer": record,
        "number": scene.rows["strangers"]["phone"],
        "purpose": "query",
        "field": "phone",
        "question": "name",
        "answer": scene.rows["strangers"]["name"],
        "to": "KF2002",
        "work_number": COLLEAGUE,
        "note": "-",
        "minutes": 30,
        "hours": 8,
        "reason": "nothing_found",
        "kind": "consultation",
        "channel": "phone",
        "text": "-",
        "result": "resolved",
        "notice": {"version": "notice-2024-1", "channel": "phone"},
    }
    return ids, given


def test_no_door_opens_to_a_role_without_its_right(scene: Scene) -> None:
    ids, given = strange(scene)
    tried = 0
    for one in ROUTES:
        for role, who in PEOPLE.items():
            if one.door.is_open or one.door.right is None or scene.policy.allows(role, one.door.right):
                continue
            answer = scene.call(one.method, filled(one, ids), who, **body_for(one, given))
            assert (answer.status_code, answer.json["reason"]) == (403, "no_right"), (one.name, role)
            tried += 1
    assert tried > 100


def test_no_door_but_the_open_ones_opens_to_nobody(scene: Scene) -> None:
    ids, given = strange(scene)
    for one in ROUTES:
        if not one.door.is_open:
            answer = scene.call(one.method, filled(one, ids), None, **body_for(one, given))
            assert answer.status_code == 401, one.name


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_a_strangers_ids_open_nothing_by_any_route(scene: Scene, role: Role) -> None:
    ids, given = strange(scene)
    who, hidden = PEOPLE[role], scene.secrets()
    for one in ROUTES:
        if one.name == "sign_out":
            continue
        answer = scene.call(one.method, filled(one, ids), who, **body_for(one, given))
        leaked = {value for value in hidden if value in answer.text}
        assert not leaked, one.name
        assert answer.status_code < 500, (one.name, answer.text)
        if _HEX.search(one.path) or (one.body is not None and {"case", "cases", "record"} & set(one.body.model_fields)):
            wanted = {400, 403, 404}
            assert answer.status_code in wanted or one.name == "look_up", (one.name, answer.status_code, answer.text)


def test_own_case_and_a_strangers_record_is_not_there_by_any_route(scene: Scene) -> None:
    ids, given = strange(scene)
    who = PEOPLE[Role.AGENT]
    case = scene.look_up(who, scene.rows["own"]["phone"], "query").json["case"]
    mixed = [one for one in ROUTES if {"case", "record"} <= set(_HEX.findall(one.path))]
    assert len(mixed) >= 4
    for one in mixed:
        for record in (ids["record"], scene.ids["colleagues"].hex(), scene.ids["expired"].hex(), new_id().hex()):
            answer = scene.call(
                one.method, filled(one, ids | {"case": case, "record": record}), who, **body_for(one, given)
            )
            assert answer.status_code in ({404} if one.body is None or one.name == "reveal" else {400, 404}), one.name
    refused, missed = (
        scene.call("GET", f"/cases/{case}/records/{record}", who) for record in (ids["record"], new_id().hex())
    )
    assert (refused.status_code, refused.json) == (missed.status_code, missed.json)


def test_a_role_that_is_lowered_sees_nothing_on_its_next_request(scene: Scene) -> None:
    who = PEOPLE[Role.SUPERVISOR]
    found = scene.look_up(who, scene.rows["colleagues"]["phone"], "query").json
    path = f"/cases/{found['case']}/records/{found['records'][0]['id']}"
    assert scene.call("GET", path, who).status_code == 200
    scene.world.tamper("UPDATE accounts SET role = 'agent' WHERE work_number = :who", who=who)
    assert scene.call("GET", path, who).status_code == 404
    scene.world.tamper("UPDATE accounts SET role = 'auditor' WHERE work_number = :who", who=who)
    assert scene.call("GET", path, who).json["reason"] == "no_right"


def test_no_other_spelling_of_an_address_or_verb_opens_a_door(scene: Scene) -> None:
    who = PEOPLE[Role.AGENT]
    found = scene.look_up(who, scene.rows["own"]["phone"], "query").json
    case, record = found["case"], found["records"][0]["id"]
    path, foreign = f"/api/v1/cases/{case}/records/{record}", scene.ids["colleagues"].hex()
    client, hidden = scene.app.test_client(), scene.secrets()
    mine = {"Authorization": f"Bearer {scene.token(who)}"}
    auditor = {"Authorization": f"Bearer {scene.token(PEOPLE[Role.AUDITOR])}"}

    def answered(method: str, address: str, headers: Mapping[str, str], **given: Any) -> Any:
        answer = client.open(address, method=method, headers=headers, base_url=HOST, **given)
        assert not {value for value in hidden if value in answer.text}, (method, address)
        assert answer.status_code < 500, (method, address)
        return answer

    assert answered("GET", path, mine).status_code == 200
    spellings = (
        path.replace("/api", "//api"),
        path.replace("/cases", "//cases"),
        path.replace("/cases", "/CASES"),
        path.replace("/cases", "/%63ases/../cases"),
        path.replace("/cases", "/./cases"),
        path.replace(record, record.upper() if record.upper() != record else record + "0"),
        path.replace("/records/", "/records/%00"),
        path + "/",
        path + ";x=1",
        path + "%20",
        path + ".json",
        "/API/V1/cases",
    )
    for address in spellings:
        assert answered("GET", address, mine).status_code in {400, 404, 405}, address
    # A verb that an intermediary might rewrite: the door is that of the verb that arrived.
    for override in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert answered("GET", f"{path}/reveals", mine | {override: "POST"}).status_code == 405
        assert answered("POST", path, mine | {override: "GET"}, json={}).status_code == 405
    assert answered("POST", f"{path}?_method=GET", mine, data={"_method": "GET"}).status_code == 405
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"):
        assert answered(method, path, mine).status_code in {404, 405, 200 if method == "get" else 405}
    head = answered("HEAD", path, mine)
    assert (head.status_code, head.data) == (200, b"")
    assert answered("HEAD", path, auditor).status_code == 403
    assert answered("HEAD", path, {}).status_code == 401
    assert answered("HEAD", path.replace(record, foreign), mine).status_code == 404
    # One that is decoded on its way is the same address, with the same door.
    assert answered("GET", path.replace("/cases", "%2fcases"), mine).status_code == 200
    for address in (*spellings, path.replace("/cases", "%2fcases")):
        assert answered("GET", address.replace(record, foreign), mine).status_code in {400, 404, 405}
        assert answered("GET", address, auditor).status_code in {400, 403, 404, 405}


def test_every_page_of_a_record_shows_a_stranger_nothing(scene: Scene) -> None:
    ids, _ = strange(scene)
    who, hidden = PEOPLE[Role.AGENT], scene.secrets()
    browser = scene.app.test_client()
    with browser.session_transaction(base_url=HOST) as session:
        session["_user_id"], session["_fresh"] = scene.token(who), True
    tried = 0
    for rule in scene.app.url_map.iter_rules():
        here = gate.door_of(scene.app.view_functions[rule.endpoint])
        if rule.rule.startswith("/api/") or rule.endpoint == "static" or here is None:
            continue
        address = _PARAMETER.sub(lambda found: ids.get(found[1], new_id().hex()), rule.rule)
        answer = browser.get(address, base_url=HOST)
        assert answer.status_code < 500, rule.rule
        assert not {value for value in hidden if value in answer.text}, rule.rule
        if "hex32" in rule.rule:
            assert answer.status_code in {303, 403, 404, 405}, rule.rule
        tried += 1
    assert tried > 20
