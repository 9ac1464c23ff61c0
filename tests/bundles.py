"""Exported bundles in the hands of somebody who wants to cheat: taken apart, changed, and put together again."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vault import verify_log
from vault.crypto.signing import NoteSigner
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_tree import Frontier, cover, leaf_hash, node_hash
from vault.verify_log import Judgement


@dataclass(frozen=True)
class Line:
    """One line of ``events.jsonl``."""

    leaf: int
    hash: str
    event: bytes

    def written(self) -> bytes:
        return b'{"leaf":%d,"hash":"%b","event":%b}\n' % (self.leaf, self.hash.encode(), self.event)

    def moved(self, leaf: int) -> Line:
        return Line(leaf, self.hash, self.event)

    def edited(self, *, with_hash: bool) -> Line:
        """Return the line with another actor, with or without a hash that fits."""
        event = json.loads(self.event)
        event["actor"] = "KF2002" if event["actor"] != "KF2002" else "KF2003"
        data = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return Line(self.leaf, leaf_hash(data).hex() if with_hash else self.hash, data)


class Bundle:
    """The files of a bundle by name."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    @classmethod
    def read(cls, content: bytes) -> Bundle:
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            return cls({name: zipped.read(name) for name in zipped.namelist()})

    def copy(self) -> Bundle:
        return Bundle(self.files.copy())

    def json(self, name: str) -> Any:
        return json.loads(self.files[name])

    def put(self, name: str, value: object) -> None:
        self.files[name] = json.dumps(value).encode() + b"\n"

    @property
    def lines(self) -> list[Line]:
        found = []
        for line in self.files["events.jsonl"].splitlines(keepends=True):
            told = json.loads(line)
            found.append(Line(told["leaf"], told["hash"], line[line.index(b'"event":') + 8 : -2]))
        return found

    @lines.setter
    def lines(self, lines: Sequence[Line]) -> None:
        self.files["events.jsonl"] = b"".join(one.written() for one in lines)

    def sealed(self, signer: NoteSigner, origin: str) -> Bundle:
        """Make the manifest fit the files again, and sign it: what the owner of the key can do."""
        manifest = self.json("manifest.json")
        manifest["files"] = {
            name: {"bytes": len(content), "sha256": sha256(content).hexdigest()}
            for name, content in self.files.items()
            if not name.startswith("manifest.")
        }
        self.put("manifest.json", manifest)
        digest = sha256(self.files["manifest.json"]).hexdigest()
        self.files["manifest.note"] = signer.sign(f"{verify_log.FORMAT}\n{origin}\n{digest}\n").encode()
        return self

    def written(self, path: Path) -> Path:
        """Write the bundle as a ZIP, or as a folder where the path has no suffix."""
        if path.suffix:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
                for name, content in self.files.items():
                    zipped.writestr(name, content)
            return path
        for name, content in self.files.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return path


def found(judged: Judgement) -> list[tuple[str, int | None]]:
    return [(one.kind, one.index) for one in judged.findings]


def kinds(judged: Judgement) -> set[str]:
    return {one.kind for one in judged.findings}


def tree_of(leaves: Sequence[bytes]) -> tuple[bytes, Any]:
    """Return the root over leaf hashes, and their node."""
    frontier = Frontier()
    frontier.extend(leaves)

    def node(level: int, index: int) -> bytes:
        some = list(leaves[index << level : (index + 1) << level])
        while len(some) > 1:
            some = [node_hash(left, right) for left, right in zip(some[::2], some[1::2], strict=True)]
        return some[0]

    return frontier.root(), node


def checkpoint(signer: NoteSigner, origin: str, leaves: Sequence[bytes]) -> str:
    return signer.sign(Checkpoint(origin, len(leaves), tree_of(leaves)[0]).body())


def rebuilt(bundle: Bundle, signer: NoteSigner, origin: str, events: Sequence[bytes]) -> Bundle:
    """Return a range bundle over a history somebody wrote, with every proof and signature made anew."""
    leaves = [leaf_hash(one) for one in events]
    root, node = tree_of(leaves)
    start = bundle.lines[0].leaf
    new = Bundle({name: content for name, content in bundle.files.items() if not name.endswith(".csv")})
    new.lines = [Line(at, leaves[at].hex(), events[at]) for at in range(start, len(events))]
    left = [base64.b64encode(node(*place)).decode() for place in cover(0, start)]
    new.put("range.json", {"start": start, "stop": len(events), "left": left, "right": []})
    new.put("checkpoints.json", [])
    new.put("consistency.json", [])
    new.files["checkpoint"] = checkpoint(signer, origin, leaves).encode()
    manifest = new.json("manifest.json")
    asked = manifest["question"]
    at = [json.loads(one)["at"] for one in events[start:]]
    manifest |= {
        "size": len(events),
        "root": base64.b64encode(root).decode(),
        "events": sum(asked["from"] <= one < asked["to"] for one in at),
    }
    new.put("manifest.json", manifest)
    return new.sealed(signer, origin)
