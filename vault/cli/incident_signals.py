"""Signals at the terminal: the test that fires each one harmlessly, and the evidence behind an incident."""

from __future__ import annotations

import sys
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.acting import acting, as_option
from vault.cli.incident import local
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.breach.signals import Evidence
from vault.domain.rules.signals import SignalName
from vault.services.breach import incidents, signals
from vault.services.breach.signals import Tested


@click.command("signal-test")
@click.argument("signal", type=click.Choice([one.value for one in SignalName]), required=False)
@json_option
def signal_test(signal: str | None, *, as_json: bool) -> None:
    """触发信号测试:走真实流程,按演练打开并立即关闭 · Fire signals down the real way, as drills closed at once.

    退出码 1:有信号未送达。Exit code 1: a signal did not come through.
    """
    config = load_config()
    names = [SignalName(signal)] if signal else list(SignalName)
    with vault(config) as parts:
        tested = signals.test(parts, bootstrap.operator(config), names, now())
        rules, roles = parts.policy.signals.signals, parts.policy.roles
    if as_json:
        show_json({"signals": [_as_json(one) for one in tested]})
    else:
        say = speaker(config)
        for one in tested:
            told = ", ".join(
                f"{words.of_policy(config.language, roles[role])} {count}" for role, count in one.told.items()
            )
            stands = say("came through") if one.came_through else say("did not come through")
            name = words.of_policy(config.language, rules[one.name])
            line = say("{signal}: {stands}; told: {told}; {milliseconds} ms")
            took = round(one.seconds * 1000)
            click.echo(line.format(signal=name, stands=stands, told=told or "-", milliseconds=took))
    if not all(one.came_through for one in tested):
        sys.exit(FOUND)


@click.command("signals")
@click.argument("incident")
@as_option
@json_option
def show_signals(incident: str, acting_as: str, *, as_json: bool) -> None:
    """显示触发该事件的信号及其依据 · Show the signals of an incident with their evidence."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = signals.evidence(parts, person, incidents.found(parts, incident), now())
        policy = parts.policy
    if as_json:
        show_json({"signals": [document(one) for one in found]})
        return
    say = speaker(config)
    for one in found:
        name = words.of_policy(config.language, policy.signals.signals[one.found.name])
        span = f"{local(policy, one.found.since)} – {local(policy, one.found.until)}"
        who = one.work_number or one.found.source or "-"
        click.echo(f"{local(policy, one.raised_at)}  {name}  {who}  {one.found.count}/{one.found.threshold}  {span}")
    if not found:
        click.echo(say("No signal belongs to this incident."))


def document(one: Evidence) -> dict[str, Any]:
    """Return a signal for programs."""
    return {
        "id": one.evidence_id.hex(),
        "signal": one.found.name.value,
        "account": one.work_number,
        "source": one.found.source,
        "count": one.found.count,
        "threshold": one.found.threshold,
        "since": one.found.since.isoformat(),
        "until": one.found.until.isoformat(),
        "events": [event.hex() for event in one.found.events],
        "tested": one.tested,
        "raised_at": one.raised_at.isoformat(),
    }


def _as_json(one: Tested) -> dict[str, Any]:
    return {
        "signal": one.name.value,
        "came_through": one.came_through,
        "told": {role.value: count for role, count in one.told.items()},
        "seconds": round(one.seconds, 6),
        "incident": None if one.incident_id is None else one.incident_id.hex(),
    }


COMMANDS = (signal_test, show_signals)
