"""The clauses that the vault answers to, word for word, and how it can stand to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """How the vault stands to a clause."""

    IN_LINE = "in_line"
    EXCEPTION = "exception"
    NOT_BUILT = "not_built"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause.

    Args:
        id: as rules and documents name it.
        source: file, part and section of the company's regulations.
        zh: its words.
        en: what it says, in short.
    """

    id: str
    source: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the report: the id of its words, and what fills them."""

    word: str
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vault says about a clause at this moment.

    Args:
        clause: the clause.
        standing: how it stands.
        rules: the rules in force.
        evidence: what was counted.
        oldest: since when the oldest exception lasts, UTC; None without one.
        search: what to ask the log for, to see the events behind it; empty where there are none.
    """

    clause: Clause
    standing: Standing
    rules: tuple[Said, ...]
    evidence: tuple[Said, ...]
    oldest: datetime | None = None
    search: Mapping[str, str] = field(default_factory=dict)


_COLLECT, _KEEP, _USE = "000·4·三", "000·4·四", "000·4·五"
_FAILURE, _READY = "000·5·二", "000·5·三"

CLAUSES: tuple[Clause, ...] = (
    Clause(
        "IM-01",
        "000·4·二",
        "客户姓名、联系方式、寄件地址、收件地址、身份证号",
        "Customer information: name, contact, sender and recipient address, ID number.",
    ),
    Clause(
        "IM-02",
        "000·4·二",
        "快递单号、物品类型、重量、物流轨迹",
        "Logistics information: waybill, item, weight, track, sign-off.",
    ),
    Clause(
        "IM-03",
        "000·4·二",
        "客户咨询记录、投诉记录、回访记录、服务评价",
        "Service records: consultations, complaints, callbacks, ratings.",
    ),
    Clause(
        "CE-01",
        _COLLECT,
        "您的信息仅用于快递服务，我们会严格保密",
        "Tell customers, when collecting, that their data serve express services only and stay confidential.",
    ),
    Clause("CE-02", _COLLECT, "服务结束后 30 分钟内录入", "Enter records within 30 minutes after the service ends."),
    Clause("CE-03", _COLLECT, "无错别字、无遗漏", "Check at entry: nothing wrong, nothing missing, the waybill exact."),
    Clause(
        "CE-04", _COLLECT, "将客户身份证号准确录入系统", "Enter the sender's ID number accurately when taking a parcel."
    ),
    Clause("SC-01", _KEEP, "存储在公司专用服务器中", "Everything is stored on the company's own servers."),
    Clause("SC-02", _KEEP, "服务器设置密码保护", "Servers are protected by password."),
    Clause(
        "SC-04",
        _KEEP,
        "以纸质或电子形式（如截图、文档）带出工作场所",
        "Nothing leaves the workplace on paper or electronically.",
    ),
    Clause("SC-05", _KEEP, "不得通过微信、QQ 等私人社交软件传递信息", "Nothing is passed on by private messengers."),
    Clause("SC-06", _KEEP, "需使用公司内部办公系统", "What must be passed on goes through the internal system."),
    Clause("AC-01", _KEEP, "仅可在工作范围内访问与自己职责相关的信息", "Access only within one's work and duties."),
    Clause(
        "AC-02",
        _KEEP,
        "不得访问其他客服的客户信息或无关物流信息",
        "No access to other agents' customers or unrelated parcels.",
    ),
    Clause("AC-03", _KEEP, "访问系统时需使用个人账号登录", "Everybody signs in with a personal account."),
    Clause("AC-04", _KEEP, "账号密码需每 15 天更换一次", "Passwords are changed every 15 days."),
    Clause("AC-05", _KEEP, "不得泄露给他人", "Passwords are told to nobody."),
    Clause(
        "AC-06", "003·1·1.2.7", "调离公司的人员必须清理移交", "Whoever leaves clears and hands over everything first."
    ),
    Clause(
        "AC-07", "002·5.3 案例四", "未經授權私自查看客戶信息", "Looking at customers without a reason is an offence."
    ),
    Clause(
        "UL-01",
        _USE,
        "仅用于快递揽件、派送、查询、投诉处理等服务",
        "Data serve pickup, delivery, queries, complaints and the like only.",
    ),
    Clause(
        "UL-02",
        _USE,
        "不得用于广告推广、出售给第三方等其他用途",
        "Never for advertising, sale to others or other uses.",
    ),
    Clause(
        "UL-03",
        _USE,
        "立即解除劳动合同，并赔偿公司因此造成的损失",
        "A proven leak ends the employment; the loss is made good.",
    ),
    Clause(
        "UL-04",
        _USE,
        "泄露信息数量超过 50 条",
        "More than 50 leaked records are a matter for the public security organ.",
    ),
    Clause(
        "UL-05",
        "002·3.3.3",
        "未經客戶同意，不得將客戶資料泄露給第三方",
        "Nothing is told to others without the customer's consent.",
    ),
    Clause("RD-01", _KEEP, "客户信息、物流信息保存 2 年", "Customer and logistics information is kept for 2 years."),
    Clause("RD-02", _KEEP, "服务记录保存 1 年", "Service records are kept for 1 year."),
    Clause(
        "RD-03",
        _KEEP,
        "由信息管理部门统一销毁",
        "Expired information is destroyed centrally by information management.",
    ),
    Clause(
        "RD-04", _KEEP, "纸质信息粉碎，电子信息彻底删除", "Paper is shredded, electronic information wholly deleted."
    ),
    Clause("RD-05", _KEEP, "销毁过程需做好记录", "The destruction is recorded."),
    Clause(
        "ID-01",
        _COLLECT,
        "仅用于 XX 快递寄件，有效期 7 天",
        "A copy of an ID card is marked: for sending only, valid for 7 days.",
    ),
    Clause("ID-02", _COLLECT, "有效期 7 天", "The copy is valid for 7 days."),
    Clause("ID-03", _COLLECT, "不得私自留存客户身份证原件", "Original ID cards are never kept."),
    Clause("BR-01", _USE, "在 2 小时内启动应急方案", "After a loss or leak the emergency plan starts within 2 hours."),
    Clause("BR-02", _USE, "修复系统", "The system is repaired."),
    Clause(
        "BR-03",
        _USE,
        "通知受影响的客户，说明情况并致歉",
        "Affected customers are told, with an explanation and apology.",
    ),
    Clause(
        "BR-05",
        _FAILURE,
        "主管在 5 分钟内联系技术部门",
        "The supervisor calls the technical department within 5 minutes.",
    ),
    Clause("EM-09", _READY, "每月组织 1 次应急演练", "One emergency drill a month."),
    Clause(
        "AR-06",
        "003·1·1.1.5",
        "档案的接收、转移、外借必须履行登记手续",
        "Receiving, moving and lending files is registered.",
    ),
    Clause(
        "KY-03",
        "003·7·4.1(4)",
        "登记电话通知时间（准确到分钟）",
        "Emergency use: two approvals, the owner told, the call noted to the minute.",
    ),
    Clause(
        "KY-11", "003·7·4.4(1)⑤", "进入业户房间必须两人以上", "In an emergency at least two people are there; recorded."
    ),
)
"""The core clauses of the company's regulations, and those of its breach response, in the order of the register."""
