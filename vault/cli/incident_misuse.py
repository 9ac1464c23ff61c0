"""Records of proven misuse at the terminal: drafted by one officer, signed by another, read, and counted by month."""

from __future__ import annotations

import sys

import click

from vault.cli.acting import acting, as_option
from vault.cli.incident import local, note_option
from vault.cli.output import json_option, now, one_line, show_json, speaker, vault
from vault.config import load_config
from vault.domain.log_exports import read_moment
from vault.services.breach import incidents, misuse, misuse_reading
from vault.services.breach.misuse import Draft
from vault.services.breach.misuse_reading import Shown


@click.group("misuse")
def misuse_group() -> None:
    """违规记录:一人起草,另一人签署 · Records of proven misuse: one drafts, another signs."""


@misuse_group.command("draft")
@click.argument("incident")
@click.option("--person", "accused", metavar="WORK_NUMBER", required=True, help="违规人工号 · who did it")
@click.option("--statement", help="事实说明,加密保存;缺省从标准输入读取 · sealed; left out: read from standard input")
@click.option("--contract-ended", is_flag=True, help="已解除劳动合同 · employment ended")
@click.option("--loss-claimed", is_flag=True, help="已要求赔偿 · loss claimed")
@click.option("--police-reference", default="", help="公安受案编号,加密保存 · reference of the police; sealed")
@click.option("--counted", nargs=2, metavar="FROM TO", help="统计起止,止不含 · within this time; the end exclusive")
@as_option
@json_option
def draft(  # noqa: PLR0913 - one act with this many facts
    incident: str,
    accused: str,
    statement: str | None,
    police_reference: str,
    counted: tuple[str, str] | None,
    acting_as: str,
    *,
    contract_ended: bool,
    loss_claimed: bool,
    as_json: bool,
) -> None:
    """起草违规记录,签署前可重新起草 · Draft a record; until it is signed it may be drafted again."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        text = sys.stdin.read() if statement is None else statement
        zone = parts.policy.zone
        begin, end = (read_moment(one, zone, "since") for one in counted) if counted else (None, None)
        written = Draft(accused, text, contract_ended, loss_claimed, police_reference, begin, end)
        incident_id = incidents.found(parts, incident)
        misuse_id = misuse.draft(parts, person, incident_id, written, now())
        (drafted,) = (
            one
            for one in misuse_reading.shown(parts, person, incident_id, now()).records
            if one.record.misuse_id == misuse_id
        )
    if as_json:
        show_json(document(drafted))
        return
    say, record = speaker(config), drafted.record
    click.echo(say("Drafted: {id}").format(id=record.misuse_id.hex()))
    click.echo(say("Distinct records shown in clear: {count}").format(count=record.distinct_records))
    click.echo(say("Another officer signs with this digest: {digest}").format(digest=record.digest.hex()))


@misuse_group.command("sign")
@click.argument("record")
@click.option("--digest", required=True, help="所查看内容的摘要 · digest of what you looked at")
@as_option
@json_option
def sign(record: str, digest: str, acting_as: str, *, as_json: bool) -> None:
    """由另一人签署,此后不可更改 · Sign a record, as another human; from then on it is fixed."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        misuse_id = misuse_reading.found(parts, record)
        misuse.sign(parts, person, misuse_id, digest, now())
    if as_json:
        show_json({"id": misuse_id.hex(), "signed": True})
    else:
        click.echo(speaker(config)("Signed. The record is fixed."))


@misuse_group.command("withdraw")
@click.argument("record")
@note_option
@as_option
@json_option
def withdraw(record: str, note: str, acting_as: str, *, as_json: bool) -> None:
    """撤回未签署的草稿,须说明原因 · Take back a draft that nobody has signed; say why."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        misuse_id = misuse_reading.found(parts, record)
        misuse.withdraw(parts, person, misuse_id, note, now())
    if as_json:
        show_json({"id": misuse_id.hex(), "withdrawn": True})
    else:
        click.echo(speaker(config)("Taken back. It may be drafted again."))


@misuse_group.command("show")
@click.argument("incident")
@as_option
@json_option
def show(incident: str, acting_as: str, *, as_json: bool) -> None:
    """显示一个事件的违规记录 · Show the records of an incident."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        records = misuse_reading.shown(parts, person, incidents.found(parts, incident), now()).records
        policy = parts.policy
    if as_json:
        show_json({"records": [document(one) for one in records]})
        return
    say = speaker(config)
    for one in records:
        record = one.record
        stands = say("waits for the second signature") if record.waits else say("taken back")
        stands = say("signed") if record.signed_at else stands
        click.echo(f"{record.misuse_id.hex()}  {one.work_number}  {record.distinct_records}  {stands}")
        click.echo(f"  {local(policy, record.drafted_at)}  {one.drafted_by}  {record.digest.hex()}")
        click.echo(f"  {one_line(one.statement)}")
    if not records:
        click.echo(say("There is no misuse record."))


@misuse_group.command("list")
@as_option
@json_option
def count(acting_as: str, *, as_json: bool) -> None:
    """按月统计每人的违规次数 · Count violations by person and month (UL-07)."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = misuse_reading.per_month(parts, person, now())
    if as_json:
        show_json({"months": [{"month": month, "account": who, "count": many} for month, who, many in found]})
        return
    for month, who, many in found:
        click.echo(f"{month}  {who}  {many}")
    if not found:
        click.echo(speaker(config)("There is no misuse record."))


def document(one: Shown) -> dict[str, object]:
    """Return a record for programs."""
    record = one.record
    return {
        "id": record.misuse_id.hex(),
        "incident": record.incident_id.hex(),
        "account": one.work_number,
        "distinct_records": record.distinct_records,
        "statement": one.statement,
        "account_frozen": record.account_frozen,
        "contract_ended": record.contract_ended,
        "loss_claimed": record.loss_claimed,
        "police_reference": one.police_reference,
        "evidence": one.evidence,
        "evidence_digest": record.evidence_digest.hex(),
        "digest": record.digest.hex(),
        "drafted_by": one.drafted_by,
        "drafted_at": record.drafted_at.isoformat(),
        "signed_by": one.signed_by,
        "signed_at": record.signed_at.isoformat() if record.signed_at else None,
        "withdrawn_at": record.withdrawn_at.isoformat() if record.withdrawn_at else None,
    }
