"""The register of paper copies at the terminal; a box is named by its label, as it is written on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import click

from vault import words
from vault.cli.acting import acting, as_option
from vault.cli.days import DAY
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.destruction import ORDER
from vault.domain.ids import RecordClass
from vault.domain.people import Person, normal_work_number
from vault.services import paper
from vault.services.paper import NewBox, ShownBox
from vault.services.steps.parts import Parts

_Act = Callable[[Parts, Person, bytes, datetime], None]


@click.group("paper")
def paper_group() -> None:
    """纸质档案登记 · The register of paper copies."""


@paper_group.command("register")
@click.argument("label")
@click.option(
    "--class",
    "record_class",
    type=click.Choice([one.value for one in ORDER]),
    required=True,
    help="内容类别 · what its papers are copies of",
)
@click.option("--outlet", required=True, help="所在网点 · where it stands")
@click.option("--custodian", required=True, metavar="WORK_NUMBER", help="保管人工号 · who keeps it")
@click.option("--newest-on", type=DAY, help="最新一份文件的日期,到期日由此推算 · the date of its newest paper")
@click.option("--due-on", type=DAY, help="到期日,不知最新日期时填写 · a due date, if nobody knows that one")
@as_option
@json_option
def register(
    label: str,
    record_class: str,
    outlet: str,
    custodian: str,
    newest_on: date | None,
    due_on: date | None,
    acting_as: str,
    *,
    as_json: bool,
) -> None:
    """登记一箱纸质档案 · Enter a box; it is due when its newest paper is."""
    config = load_config()
    new = NewBox(label, RecordClass(record_class), outlet, custodian, newest_on, due_on)
    with vault(config) as parts, acting(parts, acting_as) as person:
        box = paper.register(parts, person, new, now())
    if as_json:
        show_json({"box": box.hex()})
    else:
        click.echo(speaker(config)("The box stands in the register."))


@paper_group.command("list")
@as_option
@json_option
def list_boxes(acting_as: str, *, as_json: bool) -> None:
    """列出登记的档案箱,最早到期在前 · List the boxes that stand, and those that are gone."""
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        found = paper.listed(parts, person, now())
    if as_json:
        show_json({"standing": [one.told() for one in found.standing], "gone": [one.told() for one in found.gone]})
        return
    for one in (*found.standing, *found.gone):
        click.echo(_told(config, one))
    if not found.standing:
        click.echo(speaker(config)("No box stands in the register."))


@paper_group.command("shredded")
@click.argument("label")
@as_option
@json_option
def shredded(label: str, acting_as: str, *, as_json: bool) -> None:
    """声明已粉碎,须另一人见证 · Say that a box was shredded; it counts once another officer saw it too."""
    told = "Noted. It counts once another officer says from their own session that they saw it."
    _act(paper.say_shredded, label, acting_as, told, as_json=as_json)


@paper_group.command("witness")
@click.argument("label")
@as_option
@json_option
def witness(label: str, acting_as: str, *, as_json: bool) -> None:
    """见证同事声明的粉碎 · Say that I saw what another officer says; one's own word never counts twice."""
    _act(paper.witness, label, acting_as, "Witnessed. The box is gone.", as_json=as_json)


@paper_group.command("standing")
@click.argument("label")
@as_option
@json_option
def standing(label: str, acting_as: str, *, as_json: bool) -> None:
    """撤回声明,箱子仍在 · Say that a box still stands, until a second officer has seen it shredded."""
    _act(paper.take_back, label, acting_as, "Taken back. The box still stands.", as_json=as_json)


@paper_group.command("hand-on")
@click.argument("label")
@click.option("--to", "custodian", required=True, metavar="WORK_NUMBER", help="新保管人工号 · who keeps it from now on")
@as_option
@json_option
def hand_on(label: str, custodian: str, acting_as: str, *, as_json: bool) -> None:
    """移交保管人,对方会收到通知 · Give a box another custodian, who is told."""

    def walk(parts: Parts, person: Person, box: bytes, at: datetime) -> None:
        """Hand the box on."""
        paper.hand_on(parts, person, box, custodian, at)

    say = speaker(load_config())
    told = say("Handed on to {number}, who is told.").format(number=normal_work_number(custodian))
    _act(walk, label, acting_as, told, as_json=as_json)


def _act(walk: _Act, label: str, acting_as: str, told: str, *, as_json: bool) -> None:
    config = load_config()
    with vault(config) as parts, acting(parts, acting_as) as person:
        box = paper.labelled(parts, person, label, now())
        walk(parts, person, box, now())
    if as_json:
        show_json({"box": box.hex()})
    else:
        click.echo(speaker(config)(told))


def _told(config: Config, shown: ShownBox) -> str:
    box, say = shown.box, speaker(config)
    if shown.witness:
        state = say("shredded; said by {one}, seen by {other}").format(one=shown.shredder, other=shown.witness)
    elif shown.shredder:
        state = say("waits for a witness")
    else:
        state = say("due") if shown.is_due else say("kept")
    name = words.name(config.language, "class", box.record_class.value)
    return f"{box.due_on}  {box.label:24} {name}  {box.outlet}  {shown.custodian}  {state}"
