"""Every sentence that people can meet has its Chinese, and every reason says what to do."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from vault import errors, verify_log, words
from vault.domain.fields import FIELDS
from vault.domain.id_numbers import IdType
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState
from vault.web import presenting, problems
from vault.word_tables import FILE_FAULTS, FILES, NAMES, REASONS

ROOM = Path(words.__file__).parent
SOURCES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(ROOM.rglob("*.py"))}
ERRORS = {name for name, one in vars(errors).items() if isinstance(one, type)} | {"fault", "Fault", "RawRow"}
REASON = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DECIDERS = re.compile(r".*(_faults?|_findings)|contradictions")
"""Functions that return or yield reasons for somebody else to raise."""


def strings(node: ast.AST | None) -> Iterator[str]:
    """Yield the literal strings an expression can be; of an f-string its fixed end, with a star for the rest."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from strings(node.body)
        yield from strings(node.orelse)
    elif isinstance(node, ast.Tuple) and node.elts:
        yield from strings(node.elts[0])
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)


def raised() -> dict[str, str]:
    """Collect the reason ids of the package, each with a file that uses it."""
    found: dict[str, str] = {}
    for file, tree in SOURCES.items():
        for node in ast.walk(tree):
            ids: list[str] = []
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ERRORS:
                    position = {"fault": 1, "Fault": 1, "RawRow": 2}.get(called, 0)
                    ids = list(strings(node.args[position])) if len(node.args) > position else []
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, value = node.targets[0].id, node.value
                if isinstance(value, ast.Dict) and name.endswith("_REASONS"):
                    ids = [one for each in value.values for one in strings(each)]
                elif name in ("reason", "rule", "fault"):
                    ids = list(strings(value))
            elif isinstance(node, ast.FunctionDef) and DECIDERS.fullmatch(node.name):
                for inner in ast.walk(node):
                    ids += list(strings(inner.value)) if isinstance(inner, (ast.Return, ast.Yield)) else []
            found |= {one: file.name for one in ids if REASON.fullmatch(one.replace("*", "x"))}
    return found


def sentences() -> set[str]:
    """Collect every English sentence that the catalogue must know."""
    said = {sentence for group in NAMES.values() for sentence in group.values()}
    said |= set(FILES.values()) | set(FILE_FAULTS.values()) | set(REASONS.values())
    said |= {kind.title for kind in (*problems.PROBLEMS.values(), problems.UNEXPECTED)}
    said |= {title for _, title in (*problems.HTTP_PROBLEMS.values(), problems.FORM_EXPIRED)}
    said |= {label for _, _, label in presenting._MENU}
    for tree in SOURCES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                said |= set(strings(node.args[0])) if isinstance(node.args[0], ast.Constant) else set()
    for template in (ROOM / "web" / "templates").iterdir():
        with template.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_",), [], {}):
                said.add(str(message[0] if isinstance(message, tuple) else message))
    return said


def catalogue() -> dict[str, str]:
    with words.CATALOGUE.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def gaps(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_sentence_is_in_the_catalogue_and_the_catalogue_holds_no_other() -> None:
    known = catalogue()
    assert sentences() - set(known) == set()
    assert set(known) - sentences() == set()


def test_every_chinese_sentence_is_there_and_has_the_gaps_of_the_english_one() -> None:
    for english, chinese in catalogue().items():
        assert chinese, english
        assert gaps(chinese) <= gaps(english), english


def test_chinese_sentences_use_full_width_punctuation() -> None:
    wrong = [one for one in catalogue().values() if re.search(r"[\u3400-\u9fff][,;?!()]|[,;?!()][\u3400-\u9fff]", one)]
    assert wrong == []


def shapes(reason: str) -> list[str]:
    """Return the whole ids that an id with a gap stands for."""
    if reason.startswith("*_"):
        return [reason.replace("*", what) for what in ("key", "key_store", "epoch_secret")]
    if reason == "unknown_*":
        lists = (
            "kind",
            "channel",
            "result",
            "id_type",
            "role",
            "notice_channel",
            "complaint_category",
            "complaint_severity",
        )
        return [f"unknown_{name}" for name in lists]
    return [reason]


def test_every_reason_raised_in_the_package_has_words() -> None:
    ids = {shape: file for reason, file in raised().items() for shape in shapes(reason)}
    assert {one: file for one, file in ids.items() if words.reason("en", one, {}).startswith("Refused (")} == {}


def test_no_reason_has_words_that_nothing_raises() -> None:
    literal = {
        node.value
        for file, tree in SOURCES.items()
        for node in ast.walk(tree)
        if file.parent.name != "word_tables" and isinstance(node, ast.Constant)
    }
    by_list = {one for reason in raised() for one in shapes(reason)}
    assert {one for one in REASONS if one not in literal and one not in by_list} == set()


def test_no_word_stands_in_two_tables() -> None:
    """A table of a part is put into the whole; the later one of two would win without a sign."""
    tables = [
        (node.target.id.partition("_")[0], node.value)
        for file, tree in SOURCES.items()
        if file.parent.name == "word_tables"
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict)
    ]
    for kind, whole in (("REASONS", REASONS), ("NAMES", NAMES)):
        keys = [key for of, table in tables if of == kind for key in table.keys if key is not None]
        assert len(keys) == len(whole)


def test_the_search_for_reasons_sees_each_way_they_are_raised() -> None:
    assert {
        "not_a_phone",
        "no_right",
        "*_missing",
        "key_empty",
        "wrong_check_digit",
        "role_missing",
        "unknown_sender",
    } <= set(raised())


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_reason_is_a_whole_sentence_whatever_facts_come_with_it(language: str) -> None:
    for reason in REASONS:
        said = words.reason(language, reason, {})
        assert said.endswith((".", "。", "?", "？")), said
        assert "{" not in said


def test_a_reason_names_the_field_in_words_and_the_limit() -> None:
    assert words.reason("zh-CN", "value_missing", {"field": "phone"}) == "手机号不能为空，请填写。"
    assert "12" in words.reason("en", "password_too_short", {"field": "password", "least": 12})


def test_a_private_file_is_named_by_what_it_is_and_where_it_lies() -> None:
    said = words.reason("en", "epoch_secret_missing", {"path": "/keys/epoch"})
    assert said.startswith("The epoch secret file is missing: /keys/epoch.")
    assert words.reason("zh-CN", "key_store_too_open", {"path": "/k"}).startswith(
        "其他用户可以读取或替换 /k。密钥库文件"
    )


def test_a_reason_without_words_keeps_its_id() -> None:
    assert "brand_new_reason" in words.reason("zh-CN", "brand_new_reason", {})


def test_every_word_of_a_closed_list_has_a_name() -> None:
    assert set(NAMES["action"]) == set(Action)
    assert set(NAMES["outcome"]) == set(Outcome)
    assert set(NAMES["class"]) == set(RecordClass)
    assert set(NAMES["identifier"]) == set(IdentifierKind)
    assert set(NAMES["id_type"]) == set(IdType)
    assert set(NAMES["account"]) == set(AccountState)
    assert set(NAMES["notice"]) == set(NoticeKind)
    assert set(NAMES["finding"]) == set(get_args(verify_log.Kind))
    assert {name for fields in FIELDS.values() for name in fields} <= set(NAMES["field"])


def test_a_word_that_a_list_does_not_know_stays_as_it_is() -> None:
    assert words.name("zh-CN", "action", "record.future") == "record.future"


def test_an_unknown_language_is_answered_in_chinese() -> None:
    assert words.translator("fr")("Sign in") == "登录"
    assert words.translator("en")("Sign in") == "Sign in"
