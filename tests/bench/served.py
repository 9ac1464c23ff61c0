"""A server to load: ``python -m tests.bench.served vault|plain|bare``, with the settings of the environment.

``vault`` is the vault as it is deployed. ``plain`` is the same front door (gunicorn's settings, gate, session check,
body check, masks, JSON) over the plaintext tables, without a log and without a case. ``bare`` is what a small Flask
application of the same shape would be: no metrics, no request line, no headers of ours.
"""

from __future__ import annotations

import json
import sys

from flask import Flask, Response

from tests.bench import plain
from vault.bootstrap import open_vault
from vault.config import load_config
from vault.services import lookup, sessions
from vault.services.steps.parts import Parts
from vault.web import gate, server
from vault.web.api import bodies, shapes
from vault.web.api import records as api


def bare(parts: Parts) -> Flask:
    """Return a Flask application with one route: session check, body check, look-up, JSON."""
    app = Flask("bare")
    app.extensions[gate.EXTENSION] = parts

    @app.post("/api/v1/lookups")
    def look_up() -> Response:
        token = gate.bearer()
        person = sessions.person_of(parts, token, gate.source(), gate.now())
        if person is None:
            return Response(status=401)
        body = bodies.read_body(shapes.LookupBody)
        case = None if body.case is None else bytes.fromhex(body.case)
        answer = plain.look_up(parts, person, body.number, body.purpose, gate.now(), case)
        document = {
            "case": answer.case_id.hex(),
            "purpose": answer.purpose,
            "kind": answer.kind.value,
            "choose": answer.choose,
            "records": [api._card(one) for one in answer.cards],
        }
        return Response(json.dumps(document, ensure_ascii=False, separators=(",", ":")), mimetype=bodies.JSON)

    return app


class BareServer(server.Server):
    """The vault's gunicorn with the bare application."""

    def load(self) -> Flask:
        """Open the vault's database for sessions and accounts, and serve the bare application."""
        return bare(server._LIFE.enter_context(open_vault(self._config)))


def main() -> None:
    """Serve until told to stop."""
    case = sys.argv[1]
    if case == "plain":
        lookup.look_up = plain.look_up
    elif case == "bare":
        server.Server = BareServer  # type: ignore[misc]  # a stand-in, for this process only
    server.serve(load_config())


if __name__ == "__main__":
    main()
