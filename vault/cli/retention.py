"""Retention at the terminal: what is due, plans of destruction, and the two officers who sign them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from vault import bootstrap, words
from vault.cli.acting import acting, as_option
from vault.cli.ids import RANDOM_ID
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.cli.retention_certificate import certificate
from vault.cli.retention_holds import hold_group
from vault.cli.retention_run import COMMANDS
from vault.config import Config, load_config
from vault.domain.destruction import Numbers, PlanState
from vault.domain.ids import RecordClass
from vault.domain.log_exports import read_moment
from vault.domain.people import Person
from vault.errors import NotFound
from vault.services import retention, retention_reading
from vault.services.retention import Draft, Progress
from vault.services.retention_reading import Horizon, ShownPlan
from vault.services.steps.parts import Parts

maybe_as_option = click.option(
    "--as", "acting_as", metavar="WORK_NUMBER", help="以此工号登录 · sign in with this work number"
)
"""For commands that a local operator may run too; an operator never counts as one of the two officers."""


@click.group("retention")
def retention_group() -> None:
    """保存期限与销毁 · Retention and destruction."""


retention_group.add_command(hold_group)
retention_group.add_command(certificate)
for _command in COMMANDS:
    retention_group.add_command(_command)


@retention_group.command("propose")
@click.argument("plan", type=RANDOM_ID, required=False)
@click.option("--as-of", metavar="DATE", help="截至此时到期;日期按公司时区,或 RFC 3339 · due by: a day, or RFC 3339")
@click.option("--dry-run", is_flag=True, help="只统计,不保存;可用将来时间 · count only; the future is allowed")
@maybe_as_option
@json_option
def propose(plan: bytes | None, as_of: str | None, acting_as: str | None, *, dry_run: bool, as_json: bool) -> None:
    """起草到期记录的销毁方案;--as 时由本人提出(也可提出已起草的 PLAN) · Draft a plan; with --as, propose it."""
    if plan is not None and (acting_as is None or as_of or dry_run):
        raise click.UsageError("PLAN: --as WORK_NUMBER")
    config = load_config()
    with vault(config) as parts, _whoever(parts, acting_as) as person:
        if plan is not None and person is not None:
            retention.propose(parts, person, plan, now())
            made = None
        else:
            made = _draft(config, parts, person, as_of, dry_run=dry_run, quiet=as_json)
        zone = parts.policy.zone
    state = PlanState.DRAFT if person is None else PlanState.PROPOSED
    if made is None:
        _done(config, plan or b"", state, as_json=as_json)
    elif as_json:
        show_json(_draft_document(made) | {"state": "" if dry_run else state.value, "dry_run": dry_run})
    else:
        _print_draft(config, made, state, made.as_of.astimezone(zone).strftime("%Y-%m-%d %H:%M"))


@retention_group.command("show")
@click.argument("plan", type=RANDOM_ID, required=False)
@maybe_as_option
@json_option
def show(plan: bytes | None, acting_as: str | None, *, as_json: bool) -> None:
    """显示方案(默认最新);--as 时附脱敏样本 · Show a plan, the newest by default; with --as, a masked sample."""
    config = load_config()
    with vault(config) as parts, _whoever(parts, acting_as) as person:
        plan_id = plan or retention_reading.newest(parts)
        if plan_id is None:
            raise NotFound("plan")
        if person is None:
            shown = retention_reading.show_to_operator(parts, bootstrap.operator(config), plan_id, now())
        else:
            shown = retention_reading.show(parts, person, plan_id, now())
        horizon = retention_reading.count_horizon(parts, now())
        zone = parts.policy.zone
    if as_json:
        show_json(_plan_document(shown, horizon))
        return
    _print_plan(config, shown, horizon, lambda at: at.astimezone(zone).strftime("%Y-%m-%d %H:%M"))


@retention_group.command("approve")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def approve(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """批准同事提出的方案 · Approve what another officer proposed: the second signature."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        starts_at = retention.approve(parts, person, plan, now())
        zone = parts.policy.zone
    say = speaker(config)
    _done(config, plan, PlanState.APPROVED, as_json=as_json, starts_at=starts_at.isoformat())
    if not as_json:
        at = starts_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        click.echo(say("It begins at {at}; until then any officer can stop it.").format(at=at))


@retention_group.command("stop")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def stop(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """在开始销毁之前停止方案 · Stop a plan before its first record is destroyed."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        retention.stop(parts, person, plan, now())
    _done(config, plan, PlanState.STOPPED, as_json=as_json)


# -- what they share -----------------------------------------------------------------------------------------------


def _draft(
    config: Config, parts: Parts, person: Person | None, as_of: str | None, *, dry_run: bool, quiet: bool
) -> Draft:
    """Draft a plan, or only count; somebody who signed in stands behind it at once."""
    actor = bootstrap.operator(config) if person is None else person.actor()
    moment = read_moment(as_of, parts.policy.zone, "as_of") if as_of else None
    with _counting(speaker(config), quiet=quiet) as progress:
        made = (retention.preview if dry_run else retention.draft)(parts, actor, now(), moment, progress)
    if made.plan_id is not None and person is not None:
        retention.propose(parts, person, made.plan_id, now())
    return made


@contextmanager
def _whoever(parts: Parts, acting_as: str | None) -> Iterator[Person | None]:
    """Sign somebody in if a work number was given; else it is the local operator, who is no person."""
    if acting_as is None:
        yield None
        return
    with acting(parts, acting_as) as person:
        yield person


@contextmanager
def _counting(say: Callable[[str], str], *, quiet: bool) -> Iterator[Progress | None]:
    """Show on a terminal how many records were looked at."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with console.status("") as status:
        yield lambda done: status.update(say("{count} records").format(count=done))


def _done(config: Config, plan: bytes, state: PlanState, *, as_json: bool, **more: str) -> None:
    if as_json:
        show_json({"plan": plan.hex(), "state": state.value, **more})
        return
    say = speaker(config)
    click.echo(say("Plan {plan}: {state}").format(plan=plan.hex(), state=_state(config, state.value)))


def _state(config: Config, state: str) -> str:
    return words.name(config.language, "plan", state)


def _by_name(numbers: Mapping[RecordClass, Any]) -> dict[str, Any]:
    return {record_class.value: value for record_class, value in numbers.items()}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _numbers_document(numbers: Numbers) -> dict[str, object]:
    return {
        "due": _by_name(numbers.due),
        "held": sum(numbers.held.values()),
        "held_by_class": _by_name(numbers.held),
        "held_why": _by_name(numbers.held_why),
        "oldest": _time(numbers.oldest),
    }


def _draft_document(made: Draft) -> dict[str, object]:
    return {
        "plan": None if made.plan_id is None else made.plan_id.hex(),
        "digest": None if made.digest is None else made.digest.hex(),
        "as_of": made.as_of.isoformat(),
        **_numbers_document(made.numbers),
        "outlets": made.numbers.outlets,
    }


def _plan_document(shown: ShownPlan, horizon: Horizon) -> dict[str, object]:
    listed, plan = shown.listed, shown.listed.plan
    return {
        "plan": plan.plan_id.hex(),
        "digest": plan.digest.hex(),
        "as_of": plan.as_of.isoformat(),
        **_numbers_document(listed.numbers),
        "outlets": listed.numbers.outlets,
        "state": plan.state.value,
        "approval_over": listed.is_over,
        "policy": plan.policy,
        "made_at": plan.made_at.isoformat(),
        "proposed_by": listed.proposer,
        "proposed_at": _time(plan.proposed_at),
        "approved_by": listed.approver,
        "approved_at": _time(plan.approved_at),
        "starts_at": _time(plan.starts_at),
        "stopped_by": listed.stopper,
        "stopped_at": _time(plan.stopped_at),
        "started_at": _time(plan.started_at),
        "executed_by": plan.executed_by,
        "finished_at": _time(plan.finished_at),
        "records": {
            record_class.value: {state.value: count for state, count in states.items()}
            for record_class, states in shown.states.items()
        },
        "month_before": None
        if shown.before is None
        else {"made_at": shown.before.made_at.isoformat(), "due": _by_name(shown.numbers_before.due)},
        "sample": [
            {
                "record": card.record_id.hex(),
                "class": card.record_class.value,
                "outlet": card.outlet,
                "kind": card.kind,
                "values": [{"field": one.field, "masked": one.text} for one in card.values],
            }
            for card in shown.sample
        ],
        "horizon": {
            "past": _by_name(horizon.past),
            "within": {str(days): _by_name(counts) for days, counts in horizon.within.items()},
        },
    }


def _print_draft(config: Config, made: Draft, state: PlanState, as_of: str) -> None:
    say = speaker(config)
    if made.plan_id is None:
        click.echo(say("Dry run: nothing was stored"))
    else:
        click.echo(say("Plan {plan}: {state}").format(plan=made.plan_id.hex(), state=_state(config, state.value)))
    click.echo(say("Due as of {at}").format(at=as_of))
    _print_numbers(config, made.numbers)
    if made.plan_id is not None and state is PlanState.DRAFT:
        click.echo(say("An officer of information management stands behind it, another one approves it."))


def _print_numbers(config: Config, numbers: Numbers, before: Numbers | None = None) -> None:
    say, language = speaker(config), config.language
    for record_class, count in numbers.due.items():
        name = words.name(language, "class", record_class.value)
        line = say("  {name}: {count} due").format(name=name, count=count)
        if before is not None:
            line += f" ({count - before.due[record_class]:+d})"
        for why, held in sorted(numbers.held_why.get(record_class, {}).items()):
            line += f"; {held} {words.name(language, 'stays', why)}"
        click.echo(line)


def _print_plan(config: Config, shown: ShownPlan, horizon: Horizon, clock: Callable[[datetime], str]) -> None:
    say, language = speaker(config), config.language
    listed, plan = shown.listed, shown.listed.plan
    click.echo(say("Plan {plan}: {state}").format(plan=plan.plan_id.hex(), state=_state(config, plan.state.value)))
    if listed.is_over:
        click.echo(say("Its approval is over; a new plan is needed."))
    click.echo(say("Due as of {at}").format(at=clock(plan.as_of)))
    _print_numbers(config, listed.numbers, None if shown.before is None else shown.numbers_before)
    if shown.before is not None:
        click.echo(say("In brackets: against the plan of {at}").format(at=clock(shown.before.made_at)))
    for outlet, count in listed.numbers.outlets.items():
        click.echo(f"    {outlet or say('without outlet')}: {count}")
    for who, at, sentence in (
        (listed.proposer, plan.proposed_at, say("Proposed by {who} at {at}")),
        (listed.approver, plan.approved_at, say("Approved by {who} at {at}")),
        (listed.stopper, plan.stopped_at, say("Stopped by {who} at {at}")),
    ):
        if who and at is not None:
            click.echo(sentence.format(who=who, at=clock(at)))
    if plan.starts_at is not None:
        click.echo(say("Nothing of it is destroyed before {at}").format(at=clock(plan.starts_at)))
    if shown.sample:
        click.echo(say("A sample by chance, masked; the look is logged:"))
    for card in shown.sample:
        values = " ".join(one.text for one in card.values)
        click.echo(f"  {card.record_id.hex()} {words.name(language, 'class', card.record_class.value)} {values}")
    click.echo(say("Falling due from now on:"))
    for days, counts in horizon.within.items():
        each = ", ".join(
            f"{words.name(language, 'class', record_class.value)} {count}" for record_class, count in counts.items()
        )
        click.echo(say("  within {days} days: {each}").format(days=days, each=each))
