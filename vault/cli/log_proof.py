"""Writing one entry of the access log and its proof to a pair of files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from vault import bootstrap
from vault.cli.log_export import new_file
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.log_proofs import SUFFIX, entry_named
from vault.services import log_proof


@click.command("proof")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="文件夹,或不带后缀的文件名 · a folder, or the files' name without suffix",
)
@json_option
@click.argument("event")
def proof(event: str, out: Path | None, *, as_json: bool) -> None:
    """取出一条事件及其证明 · Take out one event with its proof.

    EVENT 为事件编号或条目序号。EVENT is the event's id, or the entry's place in the log.
    """
    config = load_config()
    entry = entry_named(event)
    with vault(config) as parts:
        found = log_proof.prove(parts, bootstrap.operator(config), entry, now())
        stem = _stem(out, found.event_id)
        files = {stem.with_name(stem.name + ".json"): found.event, stem.with_name(stem.name + SUFFIX): found.proof}
        with ExitStack() as until:
            for path, content in files.items():
                until.enter_context(new_file(path)).write(content)
    if as_json:
        told = {"event": found.event_id, "index": found.leaf_index, "size": found.size}
        show_json(told | {"files": [str(path) for path in files]})
        return
    say = speaker(config)
    click.echo(say("Entry {index} of {size}, with its proof:").format(index=found.leaf_index, size=found.size))
    for path in files:
        click.echo(f"  {path}")


def _stem(out: Path | None, event_id: str) -> Path:
    """Return the path of both files without what tells them apart."""
    if out is None or out.is_dir():
        return (out or Path()) / event_id
    return out.with_name(out.name.removesuffix(SUFFIX).removesuffix(".json"))
