"""A load generator: one process, many kept-alive connections, each with one request under way.

Reads a JSON document from standard input: ``port``, ``seconds``, ``warm_up``, ``token``, ``bodies`` (one list of JSON
bodies for each connection, sent in turn). Prints the count of answers, of those that were not 200, and the latencies'
median and 99th percentile. Raw sockets and one selector, so that it takes little of the processor it shares.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from typing import Any


class _Connection:
    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = port
        self._requests = requests
        self._at = 0
        self._started = 0.0
        self._buffer = b""

    def send(self) -> None:
        self._buffer = b""
        self._started = time.perf_counter()
        self.socket.sendall(self._requests[self._at % len(self._requests)])
        self._at += 1

    def receive(self) -> tuple[bytes, float] | None:
        """Return status and latency once the answer is whole."""
        self._buffer += self.socket.recv(65_536)
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if len(body) < int(length or b"0"):
            return None
        return head[9:12], time.perf_counter() - self._started


def run(job: dict[str, Any]) -> dict[str, float]:
    """Load a server and return what was seen."""
    connections = [_Connection(job["port"], [_request(job, body) for body in bodies]) for bodies in job["bodies"]]
    selector = selectors.EpollSelector()
    for one in connections:
        selector.register(one.socket, selectors.EVENT_READ, one)
        one.send()
    begin = time.perf_counter() + job["warm_up"]
    end = begin + job["seconds"]
    latencies: list[float] = []
    failed = 0
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=end - now):
            done = key.data.receive()
            if done is None:
                continue
            status, latency = done
            if time.perf_counter() >= begin:
                latencies.append(latency)
                failed += status != b"200"
            key.data.send()
    latencies.sort()
    return {
        "answers": len(latencies),
        "failed": failed,
        "per_second": len(latencies) / job["seconds"],
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


def _request(job: dict[str, Any], body: str) -> bytes:
    content = body.encode()
    head = (
        f"POST /api/v1/lookups HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {job['token']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))  # noqa: T201 - its output is this line
