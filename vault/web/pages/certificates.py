"""The pages of certificates of destruction: the list, one as it is printed, and its files to take home."""

from __future__ import annotations

import base64

from flask import Blueprint, Response, render_template, url_for

from vault import words
from vault.domain.rules.access import Right
from vault.services import certificates
from vault.web.downloads import attachment
from vault.web.gate import door, language, now, parts, person

certificate_pages = Blueprint("certificates", __name__)


@certificate_pages.get("/retention/certificates")
@door(Right.RETENTION)
def listed() -> str:
    """List the certificates."""
    found = certificates.listed(parts(), person(), now())
    return render_template("retention_certificates.html", found=found, back=url_for("certificates.listed"))


@certificate_pages.get("/retention/certificates/<hex32:certificate>")
@door(Right.RETENTION)
def one(certificate: bytes) -> str:
    """Show a certificate, to be printed too."""
    shown = certificates.show(parts(), person(), certificate, now())
    rest, policy = certificates.rests_on(parts(), shown), parts().policy
    return render_template(
        "retention_certificate.html",
        shown=shown,
        said=shown.document,
        rest=rest,
        root="" if rest.checkpoint is None else base64.b64encode(rest.checkpoint.root).decode(),
        company=policy.company.en if language() == words.ENGLISH else policy.company.zh,
        zone=policy.zone.key,
        reads_log=policy.allows(person().role, Right.LOG_READ),
        back=url_for("certificates.one", certificate=certificate),
    )


@certificate_pages.post("/retention/certificates/<hex32:certificate>/files")
@door(Right.RETENTION)
def take(certificate: bytes) -> Response:
    """Send a certificate with its proof and the verifier; a form asks for it, because it is logged."""
    moment = now()
    return attachment(certificates.zipped(parts(), certificates.take(parts(), person(), certificate, moment), moment))
