"""Carrying out plans of destruction at the terminal: with progress, paused by Ctrl-C, and the clock confirmed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.ids import RANDOM_ID
from vault.cli.interrupting import interruptible
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.destruction import ItemState, PlanState
from vault.services import clock, destruction, destruction_pausing
from vault.services.destruction import Ran


@click.command("execute")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def execute(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """执行已批准的方案;Ctrl-C 暂停 · Carry out an approved plan, or go on with it; Ctrl-C pauses it.

    定时任务也会自动执行。The timetable does the same by itself once its time has come.
    """
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        with interruptible() as interrupted, _progress(quiet=as_json) as progress:
            ran = destruction.execute(parts, person, plan, now(), progress=progress, stop=interrupted)
        state = ran.plan.state
        if state is PlanState.RUNNING and interrupted():
            destruction_pausing.pause(parts, person, plan, now())
            state = PlanState.PAUSED
    _tell(config, plan, state, ran, as_json=as_json)
    if ran.counts.get(ItemState.FAILED):
        sys.exit(FOUND)


@click.command("pause")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def pause(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """暂停正在执行的方案 · Pause a plan that runs."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        destruction_pausing.pause(parts, person, plan, now())
    _tell(config, plan, PlanState.PAUSED, None, as_json=as_json)


@click.command("resume")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def resume(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """恢复已暂停的方案 · Let a paused plan go on."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        destruction_pausing.resume(parts, person, plan, now())
    _tell(config, plan, PlanState.RUNNING, None, as_json=as_json)


@click.command("give-up")
@click.argument("plan", type=RANDOM_ID)
@as_option
@json_option
def give_up(plan: bytes, acting_as: str, *, as_json: bool) -> None:
    """放弃未能销毁的记录,使方案结束 · Give up what could not be destroyed, so that the plan can end.

    下一个方案会重新列出这些记录。A later plan names these records again.
    """
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        given = destruction_pausing.give_up(parts, person, plan, now())
        state = destruction_pausing.how_far(parts, plan).plan.state
    if not as_json:
        say = speaker(config)
        click.echo(say("{count} records given up; a later plan names them again").format(count=given))
    _tell(config, plan, state, None, as_json=as_json, given_up=given)


@click.command("confirm-date")
@click.argument("today", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE")
@as_option
@json_option
def confirm_date(today: date, acting_as: str, *, as_json: bool) -> None:
    """时钟跳变或停机多日后,确认今天的日期 · Confirm today's date after the clock has jumped.

    请从别处查看日期后填写。Write down the date as you know it from elsewhere, not as this machine shows it.
    """
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        clock.confirm(parts, person, date(today.year, today.month, today.day), now())
    if as_json:
        show_json({"confirmed": today.strftime("%Y-%m-%d")})
    else:
        say = speaker(config)
        click.echo(say("The date is confirmed. What was approved may be carried out again."))


COMMANDS = (execute, pause, resume, give_up, confirm_date)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[destruction.Progress | None]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    rate = TextColumn("{task.fields[rate]}")
    columns = (BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def show(settled: int, total: int) -> None:
            """Move the bar, and say how many records a second are settled."""
            speed = bar.tasks[0].speed
            bar.update(task, completed=settled, total=total, rate="" if speed is None else f"{speed:.0f}/s")

        yield show


def _tell(config: Config, plan: bytes, state: PlanState, ran: Ran | None, *, as_json: bool, **more: int) -> None:
    counts = {} if ran is None else {one.value: ran.counts[one] for one in ItemState if one in ran.counts}
    if as_json:
        told: dict[str, object] = {"plan": plan.hex(), "state": state.value, **more}
        show_json(told if ran is None else told | {"tried": ran.tried, "records": counts})
        return
    say = speaker(config)
    shown = words.name(config.language, "plan", state.value)
    click.echo(say("Plan {plan}: {state}").format(plan=plan.hex(), state=shown))
    for name, count in counts.items():
        click.echo(f"  {words.name(config.language, 'item', name)}: {count}")
    if counts.get("failed"):
        click.echo(say("Failed records are tried again; datavault retention give-up ends the plan without them"))
