"""Legal holds at the terminal; a customer's number is asked for, so that it stands in no list of processes."""

from __future__ import annotations

import sys
from datetime import date

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.days import DAY
from vault.cli.ids import RANDOM_ID
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.clocks import in_utc
from vault.errors import InvalidValue
from vault.services import holds
from vault.services.holds import Why

_LONGEST_LINE = 300


_review_option = click.option(
    "--review-on", type=DAY, help="复核日期,默认尽可能晚 · day of review; as late as may be by default"
)


@click.group("hold")
def hold_group() -> None:
    """法律保留 · Legal holds."""


@hold_group.command("place")
@click.argument("record", type=RANDOM_ID, required=False)
@click.option(
    "--by-number", is_flag=True, help="从终端读入手机、运单、证件号或客户、记录编号 · ask for a number instead of an id"
)
@click.option("--reason", required=True, help="事由,见 policies/destruction.toml · why, from the policy")
@click.option("--source", required=True, help="文书名称及编号,不含客户信息 · the document, by its own number")
@_review_option
@as_option
@json_option
def place(
    record: bytes | None,
    reason: str,
    source: str,
    review_on: date | None,
    acting_as: str,
    *,
    by_number: bool,
    as_json: bool,
) -> None:
    """保留一条记录,到期也不销毁 · Keep a record from being destroyed."""
    if (record is None) is not by_number:
        raise click.UsageError("RECORD | --by-number")
    config = load_config()
    say, why = speaker(config), Why(reason, source, review_on)
    with vault(config) as parts, acting(parts, acting_as) as person:
        if record is not None:
            placed = holds.place(parts, person, record, why, now())
        else:
            placed = holds.place_by_number(parts, person, _ask(say("Number")), why, now())
    if as_json:
        ids = [one.hex() for one in placed.hold_ids]
        show_json({"class": placed.record_class.value, "held": len(ids), "holds": ids})
        return
    names = " + ".join(words.name(config.language, "class", one.value) for one in placed.classes)
    click.echo(say("{count} records are held: {name}").format(count=len(placed.hold_ids), name=names))
    for one in placed.hold_ids:
        click.echo(f"  {one.hex()}")


@hold_group.command("list")
@as_option
@json_option
def list_holds(acting_as: str, *, as_json: bool) -> None:
    """列出有效的保留 · List the holds that hold: who, why, until when."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = holds.listed(parts, person, now())
        reasons, zone = parts.policy.destruction.reasons, parts.policy.zone
    if as_json:
        show_json(
            [
                {
                    "hold": one.hold.hold_id.hex(),
                    "record": one.hold.record_id.hex(),
                    "class": one.hold.record_class.value,
                    "reason": one.hold.reason,
                    "source": one.source,
                    "officer": one.officer,
                    "placed_at": in_utc(one.hold.placed_at, "placed_at").isoformat(),
                    "review_on": one.hold.review_on.isoformat(),
                    "overdue": one.is_overdue,
                }
                for one in found
            ]
        )
        return
    for one in found:
        rule = reasons.get(one.hold.reason)
        reason = one.hold.reason if rule is None else words.of_policy(config.language, rule)
        name = words.name(config.language, "class", one.hold.record_class.value)
        since = one.hold.placed_at.astimezone(zone).strftime("%Y-%m-%d")
        click.echo(f"{one.hold.hold_id.hex()} {name} {one.hold.record_id.hex()}")
        told = say("  {reason}: {source}; {officer} since {since}, to be reviewed by {day}")
        day = one.hold.review_on.isoformat()
        click.echo(told.format(reason=reason, source=one.source, officer=one.officer, since=since, day=day))
        if one.is_overdue:
            click.echo(say("  The review is overdue."))
    if not found:
        click.echo(say("Nothing is held."))


@hold_group.command("release")
@click.argument("hold", type=RANDOM_ID)
@click.option("--reason", required=True, help="解除事由,见 policies/destruction.toml · why, from the policy")
@as_option
@json_option
def release(hold: bytes, reason: str, acting_as: str, *, as_json: bool) -> None:
    """解除保留,下次方案重新纳入 · Release a hold; the next plan looks at the record again."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        holds.release(parts, person, hold, reason, now())
    if as_json:
        show_json({"hold": hold.hex(), "released": True})
    else:
        click.echo(say("Released."))


@hold_group.command("review")
@click.argument("hold", type=RANDOM_ID)
@_review_option
@as_option
@json_option
def review(hold: bytes, review_on: date | None, acting_as: str, *, as_json: bool) -> None:
    """确认仍需保留并改定复核日期 · Say that a hold is still needed, and until when."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        day = holds.review(parts, person, hold, review_on, now())
    if as_json:
        show_json({"hold": hold.hex(), "review_on": day.isoformat()})
    else:
        click.echo(say("To be reviewed by {day}").format(day=day.isoformat()))


def _ask(what: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    line = sys.stdin.readline(_LONGEST_LINE)
    if not line.strip():
        raise InvalidValue("value_missing", field="number")
    return line.rstrip("\r\n")
