"""The closing report of an incident at the terminal: told in short, as JSON, or taken home with its proof."""

from __future__ import annotations

from pathlib import Path

import click

from vault import words
from vault.cli.incident import maybe_as_option, whoever
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.cli.taken_home import require_new, write
from vault.config import Config, load_config
from vault.services.breach import incident_report, incidents
from vault.services.breach.incident_report import Report


@click.command("report")
@click.argument("incident")
@click.argument("out", type=click.Path(path_type=Path), required=False)
@maybe_as_option
@json_option
def report(incident: str, out: Path | None, acting_as: str | None, *, as_json: bool) -> None:
    """显示或取出结案报告 · Tell the closing report; with OUT, a new folder or .zip, take it home with its proof.

    结案前为草稿,结案后定稿,访问日志记有其摘要。
    A draft before the incident is closed; then it is fixed, and the access log names its digest.
    """
    config = load_config()
    with vault(config) as parts, whoever(config, parts, acting_as) as who:
        incident_id = incidents.found(parts, incident)
        if out is None:
            found = incident_report.show(parts, who, incident_id, now())
        else:
            require_new(out)
            taken = incident_report.take(parts, who, incident_id, now())
            found = taken.report
            write(out, taken.files, incident_report.zipped(parts, taken, now()).pieces)
    if as_json:
        where = {} if out is None else {"out": str(out)}
        show_json({"digest": found.digest, "report": dict(found.document)} | where)
        return
    _print(config, found)
    if out is not None:
        say = speaker(config)
        click.echo(say("Written to {path}").format(path=out))


def _print(config: Config, found: Report) -> None:
    say, language, told = speaker(config), config.language, found.document
    standing = words.name(language, "report_standing", told["standing"])
    kind = words.name(language, "incident_kind", told["incident"]["kind"])
    state = words.name(language, "incident_state", told["incident"]["state"])
    click.echo(f"{told['incident']['id']}  {kind}  {state}  {standing}")
    for clock in told["clocks"]:
        name = clock["en" if language == words.ENGLISH else "zh"] or clock["clock"]
        click.echo(f"  {name}: {words.name(language, 'clock_state', clock['state'])}")
    for one in told["radii"]:
        counts = one["counts"]
        line = say("  {customers} customers, {records} records, digest {digest}")
        click.echo(line.format(customers=counts["customers"], records=counts["records"], digest=one["digest"]))
    proven = sum("proof" in line for line in told["timeline"])
    click.echo(say("  {count} lines of the timeline, {proven} of them with a proof into the log").format(
        count=len(told["timeline"]), proven=proven
    ))  # fmt: skip
    click.echo(f"  SHA-256 {found.digest}")
