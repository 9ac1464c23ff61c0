"""What a reminder says by mail: both languages, the company's time, one line on top."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from vault.domain.breach.incident_letters import Told, body, subject

TOLD = Told(
    "1A2B3C4D",
    "启动应急方案",
    "Start the emergency plan",
    80,
    datetime(2026, 11, 22, 18, 30, tzinfo=UTC),
    late=False,
    drill=False,
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_reminder_names_the_incident_the_clock_and_when_it_ends_in_both_languages() -> None:
    assert subject(TOLD) == (
        "事件 1A2B3C4D：启动应急方案，时限已过 80% · "
        "Incident 1A2B3C4D: Start the emergency plan, 80 % of the time has passed"
    )
    assert body(TOLD, SHANGHAI).splitlines() == [
        "信息安全事件 1A2B3C4D：启动应急方案",
        "截止时间：2026-11-23 02:30 (UTC+0800)，时限已过 80%。",
        "请登录客户数据保险库，在“安全事件”中处理。",
        "",
        "Information security incident 1A2B3C4D: Start the emergency plan",
        "Due: 2026-11-23 02:30 (UTC+0800), 80 % of the time has passed.",
        "Sign in to the customer data vault and open Incidents.",
    ]


def test_a_missed_deadline_a_late_reminder_and_a_drill_say_so() -> None:
    told = replace(TOLD, mark=103, late=True, drill=True)
    assert subject(told).startswith("【演练 DRILL】")
    assert "已逾期" in subject(told)
    assert "deadline missed" in subject(told)
    for words in (
        "这是一次演练。",
        "已逾期，尚未完成",
        "迟到",
        "This is a drill.",
        "missed and not done yet",
        "is late",
    ):
        assert words in body(told, SHANGHAI)


def test_a_subject_is_one_printable_line_and_no_text_holds_an_address_of_a_page() -> None:
    for mark in (50, 100, 900):
        told = replace(TOLD, mark=mark)
        assert subject(told).isprintable()
        assert "http" not in body(told, SHANGHAI)
