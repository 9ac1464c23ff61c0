"""The blast radius of an incident at the terminal: whom it reached, by the log, and freezing that as evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.incident import note_option
from vault.cli.output import json_option, now, one_line, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.breach.radius import Affected, RadiusScope, record_id, record_ids
from vault.domain.log import micros_text
from vault.domain.log_exports import read_moment
from vault.errors import ImportRefused
from vault.services.breach import incidents, radius, radius_aside
from vault.services.breach.radius import DrawnRadius, Reach

_EVERY_LINE = 10_000_000


@click.command("radius")
@click.argument("incident")
@click.option("--person", default="", metavar="WORK_NUMBER", help="谁查看的 · who looked")
@click.option("--session", default="", metavar="ID", help="会话或令牌编号 · id of a session or token")
@click.option("--source", default="", metavar="ADDRESS", help="网络地址 · network address")
@click.option(
    "--from", "since", metavar="TIME", help="起,含;日期按公司时区,或 RFC 3339 · inclusive: a day, or RFC 3339"
)
@click.option("--to", "until", metavar="TIME", help="止,不含 · exclusive")
@click.option(
    "--records",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="只看这些记录:编号文件,最多 10000 个 · only these: a file of ids, 10,000 at most",
)
@click.option("--cohort", metavar="ID", help="一个密钥批次的全部记录 · every record of a cohort")
@click.option("--backup", metavar="ID", help="一个备份所含的记录 · what a backup held")
@click.option("--all", "everything", is_flag=True, help="整个数据库 · the whole database")
@click.option("--drill", is_flag=True, help="演练的虚构客户 · the made-up customers of a drill")
@click.option("--freeze", is_flag=True, help="固定为证据 · freeze it as evidence")
@click.option("--list", "with_lines", is_flag=True, help="列出每个客户 · name each customer, by random id")
@as_option
@json_option
def draw(
    incident: str,
    acting_as: str,
    *,
    freeze: bool,
    with_lines: bool,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - what to draw around, as click gives it
) -> None:
    """影响范围:哪些客户、哪些字段、明文或脱敏 · Whom it reached: which customers and fields, in clear or masked.

    依据访问日志;选择密钥批次、备份或全部时依据记录本身,视为可能泄露。不打开任何内容。
    By the access log; of a cohort, a backup or all by the rows, which may have been read. Nothing is opened.
    """
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        scope = _scope(parts.policy.zone, **asked)
        incident_id = incidents.found(parts, incident)
        if freeze:
            found = radius.freeze(parts, person, incident_id, scope, now())
        else:
            found = radius.draw(parts, person, incident_id, scope, now(), _EVERY_LINE if with_lines else 0)
        lines = found.lines
        if with_lines and found.radius_id is not None:
            lines = radius.reach(parts, person, incident_id, found.radius_id, b"", _EVERY_LINE, now()).lines
    if as_json:
        show_json(found.as_json() | ({"list": [_line(one) for one in lines]} if with_lines else {}))
        return
    _tell(config, found)
    for one in lines if with_lines else ():
        click.echo("\t".join(str(value) for value in _line(one).values()))


@click.command("radii")
@click.argument("incident")
@as_option
@json_option
def listed(incident: str, acting_as: str, *, as_json: bool) -> None:
    """列出已固定的影响范围,及何人申请不再作数 · List the frozen radii, and which of them somebody wants set aside."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = radius.reach(parts, person, incidents.found(parts, incident), None, b"", 0, now())
    if as_json:
        show_json({"radii": _frozen(found)})
        return
    for one in found.radii:
        count = say("{count} customers").format(count=one.counts.customers)
        click.echo(f"{one.radius_id.hex()}  {micros_text(one.drawn_at)}  {one.drawn_by}  {count}")
        asked = found.asides.get(one.radius_id)
        if asked is not None:
            wanted = say("  to be set aside: asked for by {who}").format(who=one.aside_asked_by)
            click.echo(wanted if one.stands else say("  set aside: confirmed by {who}").format(who=one.set_aside_by))
            click.echo(f"  {one_line(asked.reason)}")
            click.echo(say("  digest {digest}").format(digest=asked.digest))
    if not found.radii:
        click.echo(say("Nothing is frozen yet."))


@click.command("radius-aside")
@click.argument("incident")
@click.argument("frozen")
@click.option("--confirm", metavar="DIGEST", help="第二人确认,摘要取自 radii · as the second officer, by its digest")
@note_option
@as_option
@json_option
def set_aside(incident: str, frozen: str, note: str, acting_as: str, *, confirm: str | None, as_json: bool) -> None:
    """误固定的影响范围不再作数,须两人 · Set aside a radius frozen by mistake; it takes two. radii shows why."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one = incidents.found(parts, incident)
        which = radius.found(parts, one, frozen)
        if confirm is not None:
            radius_aside.confirm(parts, person, one, which, confirm, now())
        else:
            radius_aside.ask(parts, person, one, which, note, now())
    if as_json:
        show_json({"radius": which.hex(), "set_aside": confirm is not None})
        return
    say = speaker(config)
    done = say("Set aside. It stays as evidence, and nobody is told for its sake.")
    asked = say("Written down. It stands until another officer confirms that it was frozen by mistake.")
    click.echo(asked if confirm is None else done)


def _scope(
    zone: ZoneInfo,
    *,
    since: str | None,
    until: str | None,
    listed: Path | None,
    cohort: str | None,
    backup: str | None,
    **plain: Any,  # noqa: ANN401 - person, session, source, everything and drill are what they are
) -> RadiusScope:
    return RadiusScope(
        since=read_moment(since, zone, "since") if since else None,
        until=read_moment(until, zone, "until") if until else None,
        records=_ids_in(listed) if listed else (),
        cohort=record_id(cohort, "cohort") if cohort else None,
        backup=record_id(backup, "backup") if backup else None,
        **plain,
    )


def _frozen(found: Reach) -> list[dict[str, Any]]:
    return [
        {
            "radius": one.radius_id.hex(),
            "drawn_at": micros_text(one.drawn_at),
            "drawn_by": one.drawn_by,
            "customers": one.counts.customers,
            "digest": one.digest.hex(),
            "aside_asked_by": one.aside_asked_by,
            "aside_reason": found.aside_of(one.radius_id).reason,
            "aside_digest": found.aside_of(one.radius_id).digest,
            "set_aside_by": one.set_aside_by,
        }
        for one in found.radii
    ]


def _ids_in(file: Path) -> tuple[bytes, ...]:
    try:
        return record_ids(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise ImportRefused("file_unreadable", path=str(file)) from None


def _line(one: Affected) -> dict[str, Any]:
    return {
        "record": one.record_id.hex(),
        "class": one.record_class.value,
        "clear": " ".join(one.clear),
        "masked": " ".join(one.masked),
        "first": micros_text(one.first_at) if one.first_at else "",
        "last": micros_text(one.last_at) if one.last_at else "",
        "destroyed": one.destroyed,
    }


def _tell(config: Config, found: DrawnRadius) -> None:
    say, counts = speaker(config), found.counts
    click.echo(
        say("{customers} customers, {clear} of them in clear; {records} records").format(
            customers=counts.customers, clear=counts.clear, records=counts.records
        )
    )
    if counts.possible:
        click.echo(say("By the rows: it may have been read; the log cannot say that it was."))
    if counts.destroyed_since:
        click.echo(say("{count} of them were destroyed since.").format(count=counts.destroyed_since))
    if counts.unlinked:
        click.echo(say("{count} records whose customers are not known any more.").format(count=counts.unlinked))
    for one in counts.kinds:
        name = words.name(config.language, "data_kind", one.kind.value)
        line = say("  {kind}: {clear} in clear, {masked} masked; serious from {threshold}").format(
            kind=name, clear=one.clear, masked=one.masked, threshold=one.threshold
        )
        click.echo(line + (f"  {say('REACHED')}" if one.crossed else ""))
    if counts.over_company:
        click.echo(say("More than 50 records in clear: to the police (UL-04)."))
    click.echo(say("Checkpoint of {size} events, root {root}").format(size=found.size, root=found.root.hex()))
    if found.digest is not None and found.radius_id is not None:
        click.echo(
            say("Frozen: {radius}, digest {digest}").format(radius=found.radius_id.hex(), digest=found.digest.hex())
        )
