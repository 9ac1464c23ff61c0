"""Every setting, read once from the environment into one frozen value; no secret has a default.

With only ``DATAVAULT_DATA_DIR`` set, database, keys and checkpoints live in sub-folders of it. The page
``docs/settings.md`` lists the same names; a test compares the two.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vault.errors import SetupError

ROOT = Path(__file__).resolve().parent.parent
_PREFIX = "DATAVAULT_"
_ENVIRONMENTS = ("production", "test", "demo")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force.

    Args:
        env: production, test or demo; names the deployment and never weakens a check.
        data_dir: where everything lies that has no address of its own.
        database_url: SQLAlchemy address of the application's database role.
        migrator_url: the same for the role that owns the schema.
        pg_bin: where PostgreSQL's own programs lie; None for the search path.
        policies_dir: the company's rules.
        root_key_provider: file or passphrase.
        root_key_file: the root key, or the passphrase's salt and cost.
        passphrase_file: read instead of asking; empty asks at the terminal.
        new_passphrase_file: the same for the passphrase that a rotation of the root key brings in.
        key_copies: folders of the registered key store copies, two or more.
        checkpoint_dir: where checkpoints are kept outside the database.
        checkpoint_copy_dir: another folder that gets each signed checkpoint; none by default.
        checkpoint_syslog: a syslog that gets each signed checkpoint: ``udp:HOST:PORT``, ``unix:/PATH``, or empty.
        checkpoint_webhook: an address to which each signed checkpoint is posted, or empty.
        smtp_url: the mail server, with user and password where it asks for them; empty sends no mail.
        mail_from: address that mail comes from.
        role_mail: duty mailboxes, ``ROLE=ADDRESS`` with commas.
        bind: host and port of the web server.
        workers: web processes.
        threads: threads of each web process.
        trusted_hosts: host names a request may carry.
        proxy_hops: how many proxies in front may set X-Forwarded-For.
        metrics_token_file: bearer token for /metrics from elsewhere than loopback; empty allows loopback only.
        language: zh-CN or en, for command lines.
        node: this host's name in the log.
    """

    env: str
    data_dir: Path
    database_url: str
    migrator_url: str
    pg_bin: Path | None
    policies_dir: Path
    root_key_provider: str
    root_key_file: Path
    passphrase_file: Path | None
    new_passphrase_file: Path | None
    key_copies: tuple[Path, ...]
    checkpoint_dir: Path
    checkpoint_copy_dir: Path | None
    checkpoint_syslog: str
    checkpoint_webhook: str
    smtp_url: str = field(repr=False)
    mail_from: str
    role_mail: str
    bind: str
    workers: int
    threads: int
    trusted_hosts: tuple[str, ...]
    proxy_hops: int
    metrics_token_file: Path | None
    language: str
    node: str

    @property
    def keys_dir(self) -> Path:
        """Where the key store's lock lies."""
        return self.key_copies[0].parent

    @property
    def host(self) -> str:
        """The address part of ``bind``."""
        return self.bind.rpartition(":")[0]


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings.

    Args:
        environ: variables by name; the process environment when None.

    Returns:
        The settings.

    Raises:
        SetupError: a value cannot be used; the fact ``setting`` names the variable.
    """
    given = {name: value for name, value in (os.environ if environ is None else environ).items() if value}

    def get(name: str, default: str) -> str:
        """Return a setting's text, or its default."""
        return given.get(_PREFIX + name, default)

    def whole(name: str, default: int, most: int) -> int:
        """Return a whole number between 0 and the most that makes sense."""
        text = get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= most:
            raise SetupError("not_a_whole_number", setting=_PREFIX + name, most=most)
        return int(text)

    def choice(name: str, default: str, options: tuple[str, ...]) -> str:
        """Return one of a closed list of words."""
        text = get(name, default)
        if text not in options:
            raise SetupError("unknown_choice", setting=_PREFIX + name, options=" ".join(options))
        return text

    def optional_path(name: str) -> Path | None:
        """Return a path, or None where none is named."""
        text = get(name, "")
        return Path(text) if text else None

    data_dir = Path(get("DATA_DIR", "data")).absolute()
    database_url = get("DATABASE_URL", f"sqlite:///{data_dir / 'db' / 'vault.sqlite3'}")
    copies = tuple(Path(part).absolute() for part in get("KEY_COPIES", "").split(os.pathsep) if part)
    if len(copies) == 1:
        raise SetupError("needs_two_copies", setting=_PREFIX + "KEY_COPIES")
    return Config(
        env=choice("ENV", "production", _ENVIRONMENTS),
        data_dir=data_dir,
        database_url=database_url,
        migrator_url=get("MIGRATOR_URL", database_url),
        pg_bin=optional_path("PG_BIN"),
        policies_dir=Path(get("POLICIES_DIR", str(ROOT / "policies"))).absolute(),
        root_key_provider=choice("ROOT_KEY_PROVIDER", "file", ("file", "passphrase")),
        root_key_file=Path(get("ROOT_KEY_FILE", str(data_dir / "keys" / "root" / "root.key"))).absolute(),
        passphrase_file=optional_path("ROOT_PASSPHRASE_FILE"),
        new_passphrase_file=optional_path("NEW_ROOT_PASSPHRASE_FILE"),
        key_copies=copies or (data_dir / "keys" / "copy-1", data_dir / "keys" / "copy-2"),
        checkpoint_dir=Path(get("CHECKPOINT_DIR", str(data_dir / "checkpoints"))).absolute(),
        checkpoint_copy_dir=optional_path("CHECKPOINT_COPY_DIR"),
        checkpoint_syslog=get("CHECKPOINT_SYSLOG", ""),
        checkpoint_webhook=get("CHECKPOINT_WEBHOOK", ""),
        smtp_url=get("SMTP_URL", ""),
        mail_from=get("MAIL_FROM", ""),
        role_mail=get("ROLE_MAIL", ""),
        bind=_address(get("BIND", "127.0.0.1:8321")),
        workers=whole("WORKERS", 2, 64),
        threads=whole("THREADS", 8, 256),
        trusted_hosts=_hosts(get("TRUSTED_HOSTS", "localhost 127.0.0.1")),
        proxy_hops=whole("PROXY_HOPS", 0, 5),
        metrics_token_file=optional_path("METRICS_TOKEN_FILE"),
        language=choice("LANG", _language(given), ("zh-CN", "en")),
        node=get("NODE", socket.gethostname()),
    )


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SetupError("not_an_address", setting=_PREFIX + "BIND")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(text.split())
    if not hosts:  # an empty list would mean that every host name is believed
        raise SetupError("needs_a_host", setting=_PREFIX + "TRUSTED_HOSTS")
    return hosts


def _language(environ: Mapping[str, str]) -> str:
    spoken = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "en" if spoken.lower().startswith("en") else "zh-CN"
