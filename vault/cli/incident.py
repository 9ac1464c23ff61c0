"""Incidents at the terminal: opening and reading one as the operator, every other act as a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from vault import bootstrap, words
from vault.cli.acting import acting, as_option
from vault.cli.output import json_option, now, one_line, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.log import Actor
from vault.domain.log_exports import read_moment
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.services.breach import incident_response, incidents
from vault.services.breach.incidents import Listed, Shown
from vault.services.steps.breach.incidents import Opening
from vault.services.steps.parts import Parts

maybe_as_option = click.option(
    "--as", "acting_as", metavar="WORK_NUMBER", help="以此工号登录 · sign in with this work number"
)
note_option = click.option("--note", default="", help="说明,加密保存 · a note; kept sealed")
_MOST_AT_ONCE = 1_000
_STEPS = (IncidentState.CONTAINED, IncidentState.REPAIRED, IncidentState.NOTIFIED)


@click.group("incident")
def incident_group() -> None:
    """信息安全事件与应急响应 · Incidents, and the response to a breach."""


@incident_group.command("open")
@click.option("--kind", type=click.Choice([one.value for one in IncidentKind]), required=True, help="类型 · kind")
@click.option("--drill", is_flag=True, help="演练 · a rehearsal; fixed for ever")
@click.option("--aware-at", metavar="TIME", help="得知时间,日期或 RFC 3339,缺省为现在 · when it was noticed")
@note_option
@maybe_as_option
@json_option
def open_one(kind: str, aware_at: str | None, note: str, acting_as: str | None, *, drill: bool, as_json: bool) -> None:
    """登记事件,时限即刻开始 · Open an incident; its clocks start at once."""
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        moment = read_moment(aware_at, parts.policy.zone, "aware_at") if aware_at else None
        source = AwareSource.REPORT if isinstance(who, Person) else AwareSource.OPERATOR
        incident_id = incidents.open_one(parts, who, Opening(IncidentKind(kind), source, moment, note, drill), now())
        shown = incidents.shown(parts, _reader(config, who), incident_id, now())
        policy = parts.policy
    _tell(config, policy, shown, as_json=as_json)


@incident_group.command("list")
@click.option("--closed", is_flag=True, help="含已结案 · closed ones too")
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_AT_ONCE),
    default=incidents.A_PAGE,
    show_default=True,
    help="至多这么多 · so many at most",
)
@click.option("--all", "everything", is_flag=True, help="全部列出 · all of them")
@maybe_as_option
@json_option
def list_incidents(acting_as: str | None, limit: int, *, closed: bool, everything: bool, as_json: bool) -> None:
    """列出事件和时限 · List the incidents with their clocks."""
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        found, end = incidents.listed(parts, who, now(), "", limit, closed=closed)
        while everything and end:
            more, end = incidents.listed(parts, who, now(), end, _MOST_AT_ONCE, closed=closed)
            found += more
        policy = parts.policy
    if as_json:
        show_json({"incidents": [document(one.incident, one.clocks, one.now) for one in found], "more": bool(end)})
        return
    say = speaker(config)
    for one in found:
        _tell(config, policy, one, as_json=False)
    if not found:
        click.echo(say("No incident is open."))
    if end:
        click.echo(say("There are more: list them with --all or a larger --limit."), err=True)


@incident_group.command("show")
@click.argument("incident")
@maybe_as_option
@json_option
def show(incident: str, acting_as: str | None, *, as_json: bool) -> None:
    """显示事件、时限和经过 · Show an incident with its clocks and its timeline."""
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        one = incidents.shown(parts, who, incidents.found(parts, incident), now())
        policy = parts.policy
    if as_json:
        timeline = [
            {
                "event": entry.event_id.hex(),
                "at": entry.at.isoformat(),
                "actor": entry.actor,
                "action": entry.action,
                "outcome": entry.outcome,
                "facts": entry.facts,
                "note": one.notes.get(entry.event_id, ""),
                "more": one.more[entry.event_id].count if entry.event_id in one.more else 0,
                "more_notes": one.more[entry.event_id].notes if entry.event_id in one.more else "",
            }
            for entry in one.entries
        ]
        rest = {"missing": list(one.missing), "late_reasons": dict(one.reasons), "timeline": timeline}
        show_json(document(one.incident, one.clocks, one.now) | rest)
        return
    _tell(config, policy, one, as_json=False)
    for entry in one.entries:
        name = words.name(config.language, "action", entry.action)
        said = words.timeline(
            config.language, policy, entry.action, entry.facts, lambda at: local(policy, datetime.fromisoformat(at))
        )
        told = [local(policy, entry.at), entry.actor, name, *said, one_line(one.notes.get(entry.event_id, ""))]
        click.echo("  " + "  ".join(text for text in told if text))
        if more := one.more.get(entry.event_id):
            words_of_more = speaker(config)("and {count} more reports of the same person").format(count=more.count)
            click.echo(f"    {words_of_more}  {one_line(more.notes)}")


@incident_group.command("activate")
@click.argument("incident")
@note_option
@as_option
@json_option
def activate(incident: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """启动应急方案,一名信息管理人员即可 · Start the emergency plan: one officer alone."""
    _act(
        lambda parts, who, one: incident_response.activate(parts, who, one, note, now()),
        incident,
        acting_as,
        as_json=as_json,
    )


@incident_group.command("assess")
@click.argument("incident")
@click.option(
    "--verdict", type=click.Choice([one.value for one in Verdict]), required=True, help="结论 · what was found"
)
@note_option
@as_option
@json_option
def assess(incident: str, verdict: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """评估:是否确为泄露 · Say whether there was a breach."""

    def walk(parts: Parts, who: Person, one: bytes) -> None:
        """Enter the verdict."""
        incident_response.assess(parts, who, one, Verdict(verdict), note, now())

    _act(walk, incident, acting_as, as_json=as_json)


@incident_group.command("step")
@click.argument("incident")
@click.argument("state", type=click.Choice([one.value for one in _STEPS]))
@note_option
@as_option
@json_option
def step(incident: str, state: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """记录已控制、已修复、已通知 · Say that it is contained, repaired, or everybody notified."""

    def walk(parts: Parts, who: Person, one: bytes) -> None:
        """Enter the step."""
        incident_response.advance(parts, who, one, IncidentState(state), note, now())

    _act(walk, incident, acting_as, as_json=as_json)


@incident_group.command("aware")
@click.argument("incident")
@click.option("--at", "at", metavar="TIME", required=True, help="得知时间 · when it was noticed")
@note_option
@as_option
@json_option
def aware(incident: str, at: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """更正得知时间;时限只会提前 · Add another time of awareness; deadlines only come forward."""

    def walk(parts: Parts, who: Person, one: bytes) -> None:
        """Enter the other time of awareness, read in the company's zone."""
        moment = read_moment(at, parts.policy.zone, "aware_at")
        incident_response.correct_awareness(parts, who, one, moment, note, now())

    _act(walk, incident, acting_as, as_json=as_json)


@incident_group.command("done")
@click.argument("incident")
@click.argument("clock")
@note_option
@as_option
@json_option
def done(incident: str, clock: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """完成一项限时任务;逾期须说明原因 · Say that a clock's task is done; late, it needs a reason."""

    def walk(parts: Parts, who: Person, one: bytes) -> None:
        """End the clock."""
        incident_response.finish_clock(parts, who, one, clock, note, now())

    _act(walk, incident, acting_as, as_json=as_json)


@incident_group.command("close")
@click.argument("incident")
@click.option("--send-back", is_flag=True, help="退回申请 · send the request back")
@note_option
@as_option
@json_option
def close(incident: str, note: str, acting_as: str, *, send_back: bool, as_json: bool) -> None:
    """结案:一人申请,另一人同意 · Close it: one officer asks, another agrees."""

    def walk(parts: Parts, who: Person, one: bytes) -> None:
        """Ask for the closing, or answer who asked."""
        if incidents.shown(parts, who, one, now()).incident.closing_by is None and not send_back:
            incident_response.ask_closing(parts, who, one, note, now())
        else:
            incident_response.close(parts, who, one, note, now(), agree=not send_back)

    _act(walk, incident, acting_as, as_json=as_json)


# -- what the commands of incidents share ---------------------------------------------------------------------------


@contextmanager
def whoever(config: Config, parts: Parts, acting_as: str | None) -> Iterator[Person | Actor]:
    """Sign somebody in if a work number was given; else it is the local operator, who is no person."""
    if acting_as is None:
        yield bootstrap.operator(config)
        return
    with acting(parts, acting_as) as person:
        yield person


def document(one: Incident, clocks: Iterable[Clock], at: datetime) -> dict[str, object]:
    """Return an incident for programs."""
    return {
        "id": one.incident_id.hex(),
        "kind": one.kind.value,
        "drill": one.drill,
        "state": one.state.value,
        "aware_at": one.aware_at.isoformat(),
        "aware_since": one.aware_since.isoformat(),
        "aware_source": one.aware_source.value,
        "opened_at": one.opened_at.isoformat(),
        "opened_by": one.opened_by,
        "verdict": one.verdict.value if one.verdict else "",
        "clocks": [
            {
                "id": clock.clock_id,
                "started": clock.started_at.isoformat(),
                "due": clock.due_at.isoformat(),
                "state": clock.state(at).value,
                "done": clock.done_at.isoformat() if clock.done_at else None,
                "missed": clock.was_missed(clock.done_at or clock.dropped_at or at),
            }
            for clock in clocks
        ],
    }


def _reader(config: Config, who: Person | Actor) -> Actor:
    # Who reported an incident is told its deadlines, whatever else their role may read.
    return who.actor() if isinstance(who, Person) else bootstrap.operator(config)


def local(policy: Policy, at: datetime) -> str:
    """Return a moment by the company's clock, to the second."""
    return at.astimezone(policy.zone).strftime("%Y-%m-%d %H:%M:%S")


def _act(walk: Callable[[Parts, Person, bytes], None], typed: str, acting_as: str, *, as_json: bool) -> None:
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        incident_id = incidents.found(parts, typed)
        walk(parts, person, incident_id)
        shown = incidents.shown(parts, person, incident_id, now())
        policy = parts.policy
    _tell(config, policy, shown, as_json=as_json)


def _tell(config: Config, policy: Policy, shown: Listed | Shown, *, as_json: bool) -> None:
    one = shown.incident
    if as_json:
        show_json(document(one, shown.clocks, shown.now))
        return
    say, language = speaker(config), config.language
    kind = words.name(language, "incident_kind", one.kind.value)
    state = words.name(language, "incident_state", one.state.value)
    drill = f"  [{say('Drill')}]" if one.drill else ""
    click.echo(f"{one.incident_id.hex()}  {kind}  {state}{drill}")
    for clock in shown.clocks:
        rule = policy.incidents.clocks.get(clock.clock_id)
        name = words.of_policy(language, rule) if rule else clock.clock_id
        stands = words.name(language, "clock_state", clock.state(shown.now).value)
        click.echo(f"  {name}: {local(policy, clock.due_at)}  {stands}")
