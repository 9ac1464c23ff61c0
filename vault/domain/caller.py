"""Questions to a caller: what counts as the right answer to a value that is compared and never shown (CE-10, AC-08).

An answer is compared with what the masks hide: a part of a value that a mask may show proves nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vault.domain.masks import mask
from vault.domain.plaintext import Plaintext
from vault.errors import InvalidValue

_FEWEST = 2  # characters of an answer in words: one is a guess
_MOST = 100  # characters of any answer

_NOT_COUNTED = re.compile(r"[\s·•・‧∙⋅.．]")
_EXTENSION = re.compile(r"(?<=[0-9])X[0-9]{1,6}$")
_FOUR = re.compile("[0-9A-Z]{4}")
_SHOWN_ENDS = "***"

_HAN = "[\u3400-\u9fff]"
_RUN = re.compile(f"{_HAN}+")
_ROAD_ENDS = "大道|大街|胡同|路|街|巷|弄"
# A district that no mask recognised may stand before the town.
_TOWN = re.compile(
    rf"(?:{_HAN}{{2,5}}[区县旗])?(?P<name>{_HAN}{{1,8}}?)(?P<end>街道|镇|乡|苏木)(?!(?:{_ROAD_ENDS}|道|里|村)$)"
)
# The weak endings stand inside many names: they end a road or a village only where the number follows.
_ROAD = re.compile(rf"(?P<name>{_HAN}{{1,10}}?)(?P<end>{_ROAD_ENDS}|(?:道|里|村)$)(?!{_ROAD_ENDS}|道$)")


def answers(compares: str, value: str) -> set[str]:
    """Return every answer that is accepted for a value, each as :func:`normal` spells it.

    Args:
        compares: which part of a value is compared, a word of :data:`COMPARES`.
        value: the value as stored.

    Returns:
        The accepted answers; none when the value holds no such part.
    """
    return _KINDS[compares].accepted(value)


def normal(compares: str, typed: str) -> str:
    """Return an answer as it is compared: full-width characters, blanks and small letters make no difference.

    Traditional and simplified characters stay different: no table here tells which of them are one name.

    Args:
        compares: which part of a value is compared.
        typed: what somebody typed.

    Raises:
        InvalidValue: it is too short or too long to be an answer; the error does not hold it.
    """
    return _KINDS[compares].typed(_plain(typed) if len(typed) <= _MOST else "")


def matches(compares: str, answer: str, value: Plaintext) -> bool:
    """Return whether a normal answer is one of those accepted for a value; each is compared, in constant time."""
    told = Plaintext(answer)
    return sum([told.same_as(one) for one in answers(compares, value.disclose())]) > 0


def _plain(text: str) -> str:
    spelled = _NOT_COUNTED.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper()))
    # What was taken out may bring letters together that are one: until nothing changes any more.
    return spelled if spelled == text else _plain(spelled)


def _last_four(value: str) -> set[str]:
    number = re.sub("[^0-9A-Z]", "", _EXTENSION.sub("", _plain(value)))
    # Of a number of four characters the last four are all of it: nothing would be left to keep.
    return {number[-4:]} if len(number) > len("1234") else set()


def _typed_four(answer: str) -> str:
    if not _FOUR.fullmatch(answer):
        raise InvalidValue("answer_not_four", field="answer")
    return answer


def _whole(value: str) -> set[str]:
    whole = _plain(value)
    return {whole} if len(whole) >= _FEWEST else set()


def _typed_words(answer: str) -> str:
    if len(answer) < _FEWEST:
        raise InvalidValue("answer_too_short", field="answer")
    return answer


def _street(value: str) -> set[str]:
    """Accept the towns and roads below the district, with their endings or without, if no mask shows the name."""
    address = "".join(value.split())
    shown = mask("address", address).removesuffix(_SHOWN_ENDS)
    run = _RUN.match(_plain(address[len(shown) :]))
    rest, accepted = (run[0] if run else ""), set()
    for part in (_TOWN, _ROAD):
        while found := part.match(rest):
            rest = rest[found.end() :]
            name, end = found["name"], found["end"]
            if name not in shown:
                accepted |= {one for one in (name + end, name) if len(one) >= _FEWEST}
    return accepted


def _typed_street(answer: str) -> str:
    return _typed_words(re.split("[0-9]", answer, maxsplit=1)[0])


@dataclass(frozen=True, slots=True)
class _Kind:
    accepted: Callable[[str], set[str]]
    typed: Callable[[str], str]


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "last4": _Kind(_last_four, _typed_four),
        "whole": _Kind(_whole, _typed_words),
        "street": _Kind(_street, _typed_street),
    }
)

COMPARES = frozenset(_KINDS)
"""Which part of a value a question may compare."""
