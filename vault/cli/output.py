"""What every command shares: the language of its words, errors as one line with a way out, and exit codes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from vault import words
from vault.bootstrap import open_vault
from vault.config import Config, load_config
from vault.errors import (
    KeyStoreError,
    PolicyError,
    SelfTestFailed,
    SetupError,
    StorageUnavailable,
    VaultError,
    VaultSealed,
)
from vault.services import log as log_service
from vault.services.steps.parts import Parts

FOUND = 1
CANNOT = 2
_CANNOT = (KeyStoreError, PolicyError, SelfTestFailed, SetupError, StorageUnavailable, VaultSealed)
"""Nothing was refused or found: the command could not do its work, and a judging one could not judge."""


class Guarded(click.Group):
    """A group that turns our errors into one readable line and the exit code of the contract."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command; errors of ours end it with their words, never with a traceback."""
        try:
            return super().invoke(ctx)
        except VaultError as error:
            fail(error)


def fail(error: VaultError) -> NoReturn:
    """Say what went wrong and what to do, and end the command."""
    try:
        language = load_config().language
    except SetupError:
        language = "zh-CN"
    click.echo(f"datavault: {words.reason(language, error.reason, error.facts)} [{error.reason}]", err=True)
    sys.exit(CANNOT if isinstance(error, _CANNOT) else FOUND)


def now() -> datetime:
    """Return the time by the operating system, in UTC."""
    return datetime.now(UTC)


@contextmanager
def vault(config: Config) -> Iterator[Parts]:
    """Open the vault for one command; what the command logged is in order and signed before it exits."""
    with open_vault(config) as parts:
        try:
            yield parts
        except VaultError:
            with contextlib.suppress(VaultError):  # the first error is the one to tell
                _end(parts)
            raise
        _end(parts)


def _end(parts: Parts) -> None:
    parts.log_writer.close()  # its last word, on how often keys were unwrapped, is signed too
    log_service.settle(parts, now())


def speaker(config: Config) -> Callable[[str], str]:
    """Return the function that turns an English message id into the operator's language."""
    return words.translator(config.language)


def one_line(typed: str) -> str:
    """Return what somebody typed on one line: nothing of it moves the cursor, or looks like a line of ours."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in typed).split())


def show_json(value: object) -> None:
    """Print a report for programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


json_option = click.option("--json", "as_json", is_flag=True, help="机器可读 · for programs")
