"""Notices to customers at the terminal: preparing, releasing by a second officer, sending, calling, deciding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.ids import RANDOM_ID
from vault.cli.incident import note_option
from vault.cli.incident_standing import tell
from vault.cli.interrupting import interruptible
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.cli.progress import progress
from vault.config import load_config
from vault.domain.breach.breach_notices import LANGUAGES, TYPED, CallOutcome, Channel, DoubtDecision
from vault.errors import InvalidValue
from vault.services.breach import (
    breach_notices,
    incidents,
    notice_calls,
    notice_files,
    notice_letters,
    notice_sample,
    notice_sending,
    notice_waiver,
)
from vault.services.breach import radius as radii
from vault.services.breach.breach_notices import Wish
from vault.services.steps.parts import Parts

_notice = click.argument("notice")
_CHANNELS = [one.value for one in Channel if one is not Channel.SINK]


@click.group("notify")
def notify_group() -> None:
    """通知受影响的客户 · Notices to the customers whom a breach concerns."""


@notify_group.command("prepare")
@click.argument("incident")
@click.option("--radius", required=True, metavar="ID", help="已固定的影响范围 · a frozen radius")
@click.option(
    "--texts",
    "file",
    type=click.File("rb"),
    required=True,
    help='JSON: {"zh": {cause, harm, measures, advice}, "en": {…}}',
)
@click.option("--template", default="standard-1", show_default=True, help="模板及版本 · template and version")
@click.option(
    "--channel", "channels", multiple=True, type=click.Choice(_CHANNELS), help="渠道,按顺序 · channels, in order"
)
@click.option("--keep-leaked", is_flag=True, help="联系方式已泄露时仍使用 · use a contact that leaked itself")
@as_option
@json_option
def prepare(
    incident: str,
    radius: str,
    file: Any,  # noqa: ANN401 - a file of click's
    template: str,
    channels: tuple[str, ...],
    acting_as: str,
    *,
    keep_leaked: bool,
    as_json: bool,
) -> None:
    """拟定通知,不发送 · Prepare notices; nothing is sent."""
    config = load_config()
    texts = _texts(file.read())
    with vault(config) as parts, acting(parts, acting_as) as person:
        one = incidents.found(parts, incident)
        drawn = radii.found(parts, one, radius)
        wish = Wish(drawn, template, [Channel(each) for each in channels], texts, not keep_leaked)
        breach_notices.prepare(parts, person, one, wish, now())
        standing = breach_notices.standing(parts, person, one, now())
    tell(config, standing, as_json=as_json)


@notify_group.command("preview")
@click.argument("incident")
@_notice
@click.option("--sample", "opens", is_flag=True, help="打开一名客户,留有记录 · open one customer; it is logged")
@as_option
@json_option
def preview(incident: str, notice: str, acting_as: str, *, opens: bool, as_json: bool) -> None:
    """显示通知的内容 · Show what the notices say."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        said = breach_notices.wording(parts, person, one, which, now())
        seen = notice_sample.sample(parts, person, one, which, now()) if opens else None
        said = dict(said if seen is None else seen.said)
    if as_json:
        told: dict[str, Any] = {each: {"subject": text.subject, "body": text.body} for each, text in said.items()}
        show_json(told | ({} if seen is None else {"channel": seen.channel.value, "contact": seen.contact}))
        return
    for text in said.values():
        click.echo(f"{text.subject}\n\n{text.body}")
    if seen is not None:
        click.echo(f"{words.name(config.language, 'notice_channel', seen.channel.value)}: {seen.contact}")


@notify_group.command("release")
@click.argument("incident")
@_notice
@click.option("--digest", required=True, help="所查看通知的摘要 · digest of what you looked at")
@as_option
@json_option
def release(incident: str, notice: str, digest: str, acting_as: str, *, as_json: bool) -> None:
    """由第二名信息管理人员批准发送 · Release notices as the second officer."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        breach_notices.release(parts, person, one, which, digest, now())
        standing = breach_notices.standing(parts, person, one, now())
    tell(config, standing, as_json=as_json)


@notify_group.command("run")
@click.argument("incident")
@as_option
@json_option
def run(incident: str, acting_as: str, *, as_json: bool) -> None:
    """立即发送;Ctrl-C 停止,可继续 · Send now; Ctrl-C stops it, and it can go on.

    定时任务也会自动发送。The timetable does the same by itself.
    """
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        one = incidents.found(parts, incident)
        with interruptible() as stopped, progress(say("Sending"), quiet=as_json) as shown:
            ran = notice_sending.run(parts, person, one, now(), progress=shown, stop=stopped)
        standing = breach_notices.standing(parts, person, one, now())
    if ran.server_away and not as_json:
        click.echo(say("The mail server does not take anything now; the rest waits."), err=True)
    tell(config, standing, as_json=as_json)


@notify_group.command("status")
@click.argument("incident")
@as_option
@json_option
def status(incident: str, acting_as: str, *, as_json: bool) -> None:
    """显示通知进度 · Show how far it has come."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        standing = breach_notices.standing(parts, person, incidents.found(parts, incident), now())
    tell(config, standing, as_json=as_json)


@notify_group.command("calls")
@click.argument("incident")
@_notice
@click.option("--after", type=RANDOM_ID, default=None, help="从此编号之后 · behind this id")
@as_option
@json_option
def calls(incident: str, notice: str, after: bytes | None, acting_as: str, *, as_json: bool) -> None:
    """列出待致电的客户编号 · List who must be called, by random id."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        matter, which = _named(parts, incident, notice)
        found = notice_calls.listed(parts, person, matter, which, now(), after or b"")
    if as_json:
        lines = [
            {"record": one.record_id.hex(), "state": one.state.value, "reason": one.reason, "calls": one.calls}
            for one in found
        ]
        show_json({"calls": lines})
        return
    for one in found:
        state = words.name(config.language, "notice_state", one.state.value)
        reason = words.name(config.language, "notice_reason", one.reason) if one.reason else ""
        click.echo(f"{one.record_id.hex()}  {state}  {one.calls}  {reason}".rstrip())
    if not found:
        click.echo(speaker(config)("Nobody is left to call."))


@notify_group.command("number")
@click.argument("incident")
@_notice
@click.argument("record", type=RANDOM_ID)
@as_option
def number(incident: str, notice: str, record: bytes, acting_as: str) -> None:
    """显示一名客户的姓名和电话,留有记录 · Show one customer's name and number; it is logged."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        found = notice_calls.number(parts, person, one, which, record, now())
    click.echo(f"{found.name.disclose() if found.name else ''} {found.number.disclose()}".strip())


@notify_group.command("tick")
@click.argument("incident")
@_notice
@click.argument("record", type=RANDOM_ID)
@click.argument("outcome", type=click.Choice([one.value for one in CallOutcome]))
@as_option
@json_option
def tick(incident: str, notice: str, record: bytes, outcome: str, acting_as: str, *, as_json: bool) -> None:
    """登记致电结果 · Say how a call went."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        state = notice_calls.tick(parts, person, one, which, record, CallOutcome(outcome), now())
    if as_json:
        show_json({"record": record.hex(), "state": state.value})
    else:
        click.echo(words.name(config.language, "notice_state", state.value))


@notify_group.command("decide")
@click.argument("incident")
@_notice
@click.argument("decision", type=click.Choice([one.value for one in DoubtDecision]))
@click.option("--record", type=RANDOM_ID, default=None, help="只此一名客户 · this customer only")
@as_option
@json_option
def decide(incident: str, notice: str, decision: str, record: bytes | None, acting_as: str, *, as_json: bool) -> None:
    """决定送达不明的通知:视为送达或重发 · Decide on messages in doubt: arrived, or send again."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        count = notice_calls.decide(parts, person, one, which, DoubtDecision(decision), now(), record)
    if as_json:
        show_json({"decided": count})
    else:
        click.echo(say("Decided for {count} customers").format(count=count))


@notify_group.command("file")
@click.argument("incident")
@_notice
@click.option("--format", "form", type=click.Choice(notice_files.FORMATS), default="csv", show_default=True)
@as_option
@json_option
def make_file(incident: str, notice: str, form: str, acting_as: str, *, as_json: bool) -> None:
    """生成外发文件,例如短信 · Make the file for another sender, such as a sender of text messages."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        made = notice_files.make(parts, person, one, which, form, now())
    if as_json:
        show_json({"file": made.file_id.hex(), "path": made.path, "count": made.count, "sha256": made.digest})
    else:
        click.echo(f"{made.file_id.hex()}  {made.count}  {made.path}")


@notify_group.command("letters")
@click.argument("incident")
@_notice
@click.option("--again", is_flag=True, help="重印已输出但未登记寄出的 · those handed out and not posted, once more")
@as_option
def letters(incident: str, notice: str, acting_as: str, *, again: bool) -> None:
    """输出下一批信函,每封以换页符结束 · Print the next page of letters, each ended by a form feed; it is logged."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        matter, which = _named(parts, incident, notice)
        made = notice_letters.printed(parts, person, matter, which, now(), again=again)
    for one in made:
        said = "\n".join(f"{text.subject}\n\n{text.body}" for text in one.said.values())
        click.echo(f"{one.record_id.hex()}\n\n{one.address}\n{one.name}\n\n{said}\f")
    if not made:
        click.echo(speaker(config)("No letter waits to be printed."))


@notify_group.command("posted")
@click.argument("incident")
@_notice
@click.argument("records", type=RANDOM_ID, nargs=-1, required=True)
@as_option
@json_option
def posted(incident: str, notice: str, records: tuple[bytes, ...], acting_as: str, *, as_json: bool) -> None:
    """登记已寄出的信函 · Say that letters went out, by the customers' ids."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, acting(parts, acting_as) as person:
        one, which = _named(parts, incident, notice)
        count = notice_letters.posted(parts, person, one, which, records, now())
    if as_json:
        show_json({"posted": count})
    else:
        click.echo(say("{count} letters noted as posted").format(count=count))


@notify_group.command("remove-file")
@click.argument("incident")
@click.argument("file", type=RANDOM_ID)
@as_option
def remove_file(incident: str, file: bytes, acting_as: str) -> None:
    """删除已取走的外发文件 · Remove a file that was picked up."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        notice_files.remove(parts, person, incidents.found(parts, incident), file, now())
    click.echo(speaker(config)("Removed."))


@notify_group.command("none")
@click.argument("incident")
@click.option("--confirm", metavar="DIGEST", help="第二人确认,摘要取自 status · as the second officer, by its digest")
@note_option
@as_option
@json_option
def none(incident: str, note: str, acting_as: str, *, confirm: str | None, as_json: bool) -> None:
    """决定不通知客户,须两人;status 显示理由和摘要 · Decide to tell no customer; it takes two. status shows why."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        one = incidents.found(parts, incident)
        if confirm is not None:
            notice_waiver.confirm(parts, person, one, confirm, now())
        else:
            notice_waiver.ask(parts, person, one, note, now())
        standing = breach_notices.standing(parts, person, one, now())
    tell(config, standing, as_json=as_json)


def _named(parts: Parts, incident: str, notice: str) -> tuple[bytes, bytes]:
    """Return the incident and the campaign that somebody named, by the first digits of their ids."""
    one = incidents.found(parts, incident)
    return one, breach_notices.found(parts, one, notice)


def _texts(content: bytes) -> Mapping[str, Mapping[str, str]]:
    try:
        told = json.loads(content.decode())
        return {language: {name: str(told[language][name]) for name in TYPED} for language in LANGUAGES}
    except (ValueError, KeyError, TypeError):
        raise InvalidValue("wrong_form", field="texts") from None
