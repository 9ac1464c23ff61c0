"""What a letter says when the vault has sealed itself, in Chinese and English: where, when and why; nothing else."""

from __future__ import annotations

from datetime import datetime, tzinfo

SUBJECT = "客户数据保险库已自行封闭 · The customer data vault has sealed itself"


def body(reason: str, node: str, at: datetime, zone: tzinfo) -> str:
    """Return the text.

    Args:
        reason: id of why.
        node: the host that noticed it.
        at: when, UTC.
        zone: the company's.
    """
    when = at.astimezone(zone)
    noticed = f"{when:%Y-%m-%d %H:%M} (UTC{when:%z})"
    return "\n".join(
        [
            f"主机 {node} 于 {noticed} 发现：数据库、账本或密钥与已签署的内容不符。原因代码：{reason}。",
            "在查明之前，保险库拒绝一切业务。日志可能被篡改，也可能恢复了旧的备份：请先保护现场，不要删除任何文件。",
            "处置步骤见 ops/runbooks/start-stop.md 中该原因代码所指的手册。",
            "",
            f"On {noticed} host {node} noticed that database, ledger or keys differ from what was signed: {reason}.",
            "Until that is cleared up the vault serves nobody. The log may have been altered, or an old backup put in",
            "place: keep everything as it is, and delete no file.",
            "What to do: the runbook that ops/runbooks/start-stop.md names for this reason.",
            "",
        ]
    )
