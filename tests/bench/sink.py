"""A mail server in a process of its own: it takes everything, keeps nothing, and tells its port on its first line."""

from __future__ import annotations

import sys
from typing import Any

from aiosmtpd.controller import Controller


class _Sink:
    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 OK"


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """Know the port that was given: the one asked for is 0."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


if __name__ == "__main__":
    sink = _Controller(_Sink(), hostname="127.0.0.1", port=0)
    sink.start()
    print(sink.port, flush=True)  # noqa: T201 - its output is this line
    sys.stdin.read()
    sink.stop()
