"""Certificates of destruction, for programs."""

from __future__ import annotations

from typing import Any

from flask import Response
from pydantic import AwareDatetime, Field

from vault.domain.rules.access import Right
from vault.services import certificates
from vault.services.certificates import Shown
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word
from vault.web.downloads import ZIP, attachment
from vault.web.gate import now, parts, person


class CertificateLine(Shape):
    """One certificate in a list."""

    certificate: Id
    kind: Word = Field(description="erased: about a plan; final: about a cohort.")
    about: Id
    issued_at: AwareDatetime
    digest: str = Field(description="SHA-256 of the statement, hexadecimal; the event holds it.")
    event: Id
    is_final: bool = Field(description="Every key concerned is gone from every registered copy.")


class Certificates(Shape):
    """Certificates, newest first."""

    certificates: list[CertificateLine]


class CertificateAnswer(CertificateLine):
    """One certificate with its statement."""

    statement: dict[str, Any] = Field(description="As docs/formats.md has it, under Certificate of destruction.")


@route("GET", "/certificates", gate.door(Right.RETENTION), answer=Certificates)
def list_certificates() -> dict[str, Any]:
    """List the certificates of destruction."""
    return {"certificates": [_line(one) for one in certificates.listed(parts(), person(), now())]}


@route("GET", "/certificates/<hex32:certificate>", gate.door(Right.RETENTION), answer=CertificateAnswer)
def show_certificate(certificate: bytes) -> dict[str, Any]:
    """Show a certificate; the id may also be that of its plan or cohort."""
    shown = certificates.show(parts(), person(), certificate, now())
    return _line(shown) | {"statement": dict(shown.document)}


@route("GET", "/certificates/<hex32:certificate>/files", gate.door(Right.RETENTION), answer=ZIP)
def take_certificate(certificate: bytes) -> Response:
    """Give a certificate with its event, its `.tlog-proof` and the verifier, as a ZIP."""
    moment = now()
    return attachment(certificates.zipped(parts(), certificates.take(parts(), person(), certificate, moment), moment))


def _line(shown: Shown) -> dict[str, Any]:
    one = shown.certificate
    return {
        "certificate": one.certificate_id.hex(),
        "kind": one.kind.value,
        "about": one.about.hex(),
        "issued_at": time_text(one.issued_at),
        "digest": shown.digest,
        "event": one.event_id.hex(),
        "is_final": shown.is_final,
    }
