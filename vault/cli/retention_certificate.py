"""Taking a certificate of destruction home: a folder or a ZIP that the single-file verifier judges anywhere."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from vault import bootstrap
from vault.cli.ids import RANDOM_ID
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.cli.taken_home import require_new, write
from vault.config import Config, load_config
from vault.domain.certificates import Check, Result
from vault.domain.destruction import CertificateKind
from vault.errors import NotFound
from vault.services import certificates
from vault.services.certificates import Shown
from vault.words import name as word


@click.command("certificate")
@click.argument("certificate_or_plan", type=RANDOM_ID)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="新文件夹,或以 .zip 结尾的新文件 · a new folder, or a new file that ends in .zip",
)
@json_option
def certificate(certificate_or_plan: bytes, out: Path | None, *, as_json: bool) -> None:
    """显示销毁证明;--out 时连同证据与校验程序写出 · Show a certificate; with --out, write it with its proof.

    编号可为证明、方案或密钥批次的编号;已执行完毕而尚无证明的方案会先出证。
    The id may be that of the certificate, the plan or the cohort; a plan that was carried out is certified first.
    """
    config = load_config()
    with vault(config) as parts:
        actor = bootstrap.operator(config)
        with suppress(NotFound):  # it is the id of a certificate, then, or of nothing
            certificates.certify(parts, certificate_or_plan, actor, now())
        if out is None:
            shown, taken = certificates.show(parts, actor, certificate_or_plan, now()), None
        else:
            require_new(out)
            taken = certificates.take(parts, actor, certificate_or_plan, now())
            shown = taken.shown
            write(out, taken.files, certificates.zipped(parts, taken, now()).pieces)
    if as_json:
        written = {} if taken is None else {"out": str(out), "entry": taken.index, "size": taken.size}
        show_json(_document(shown) | written)
        return
    _print(config, shown)
    if taken is not None:
        say = speaker(config)
        click.echo(say("Written to {path}; judge it with: {command}").format(path=out, command=_command(out)))


def _command(out: Path | None) -> str:
    return f"python3 -I verify_log.py {out} --key PIN"


def _document(shown: Shown) -> dict[str, object]:
    return {
        "certificate": shown.certificate.certificate_id.hex(),
        "kind": shown.certificate.kind.value,
        "about": shown.certificate.about.hex(),
        "issued_at": shown.certificate.issued_at.isoformat(),
        "digest": shown.digest,
        "event": shown.certificate.event_id.hex(),
        "statement": dict(shown.document),
        "is_final": shown.is_final,
        "final": [
            {
                "cohort": one.cohort_id.hex(),
                "class": one.record_class.value,
                "end_on": one.end_on.isoformat(),
                "records": one.count,
                "final_at": None if one.final_at is None else one.final_at.isoformat(),
                "final_from": one.final_from.isoformat(),
                "certificate": None if one.certificate_id is None else one.certificate_id.hex(),
            }
            for one in shown.finality
        ],
    }


def _print(config: Config, shown: Shown) -> None:
    say, language, told = speaker(config), config.language, shown.document
    named = shown.certificate.certificate_id.hex()
    kind = word(language, "certificate", shown.certificate.kind.value)
    click.echo(
        say("Certificate {certificate}: {kind}, of {at}").format(certificate=named, kind=kind, at=told["issued_at"])
    )
    if shown.certificate.kind is CertificateKind.ERASED:
        click.echo(say("Plan {plan}").format(plan=shown.certificate.about.hex()))
        for record_class, counts in told["counts"].items():
            line = say("  {name}: {destroyed} destroyed, {held} held, {kept} kept")
            click.echo(line.format(name=word(language, "class", record_class), **counts))
    else:
        click.echo(say("{count} records are out of reach of every registered copy").format(count=told["destroyed"]))
    for one in told["checks"]:
        result = word(language, "check_result", Result(one["result"]).value)
        click.echo(f"  {word(language, 'check', Check(one['check']).value)}: {result}")
    for one in told["residual"]:
        where = word(language, "residual", one["where"])
        line = say("  may be left in {where} until {day}")
        if "until" not in one:
            line = say("  may be left in {where} until the cohort key is destroyed, not before {day}")
        click.echo(line.format(where=where, day=one.get("until") or one["not_before"]))
    for each in shown.finality:
        name = word(language, "class", each.record_class.value)
        line = say("  {name} ({count}): final not before {day}")
        if each.final_at is not None:
            line = say("  {name} ({count}): final since {day}")
        day = each.final_from if each.final_at is None else each.final_at.date()
        click.echo(line.format(name=name, count=each.count, day=day.isoformat()))
