"""What a reminder says by e-mail, in Chinese and English: which clock, how it stands, and nothing of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vault.domain.breach.incident_reminders import MISSED, OPENED

_FORM = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told.

    Args:
        incident: the name people say.
        clock_zh: the clock in Chinese.
        clock_en: the clock in English.
        mark: hundredths of the clock's length that have passed; beyond 100 one more for each repeat.
        due_at: when the clock ends or ended, UTC.
        late: the reminder comes late.
        drill: the incident is a rehearsal.
    """

    incident: str
    clock_zh: str
    clock_en: str
    mark: int
    due_at: datetime
    late: bool
    drill: bool


def subject(told: Told) -> str:
    """Return the one line that is read first."""
    zh, en = _stands(told)
    drill = "【演练 DRILL】" if told.drill else ""
    return f"{drill}事件 {told.incident}：{told.clock_zh}，{zh} · Incident {told.incident}: {told.clock_en}, {en}"


def body(told: Told, zone: tzinfo) -> str:
    """Return the text.

    Args:
        told: what is told.
        zone: the company's.
    """
    due = told.due_at.astimezone(zone)
    end = f"{due:{_FORM}} (UTC{due:%z})"
    said_zh, said_en = _stands(told)
    zh = [
        "这是一次演练。" if told.drill else "",
        f"信息安全事件 {told.incident}：{told.clock_zh}",
        f"截止时间：{end}，{said_zh}。",
        "此提醒迟到：系统曾停止运行。" if told.late else "",
        "请登录客户数据保险库，在“安全事件”中处理。",
    ]
    en = [
        "This is a drill." if told.drill else "",
        f"Information security incident {told.incident}: {told.clock_en}",
        f"Due: {end}, {said_en}.",
        "This reminder is late: the vault stood still." if told.late else "",
        "Sign in to the customer data vault and open Incidents.",
    ]
    return "\n".join([*(line for line in zh if line), "", *(line for line in en if line)])


def _stands(told: Told) -> tuple[str, str]:
    if told.mark >= MISSED:
        return "已逾期，尚未完成", "deadline missed and not done yet"
    if told.mark == OPENED:
        return "新登记的事件", "a new incident"
    return f"时限已过 {told.mark}%", f"{told.mark} % of the time has passed"
