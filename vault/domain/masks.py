"""Masks: what may be shown of a value that was not revealed. A closed table; the mask ids are used by the policies.

Every mask is computed from the value alone, shows a part it positively recognised, and hides the rest behind marks
of a fixed length; what it does not recognise it hides whole. Masking a masked value never shows more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from vault.errors import PolicyError

_HIDDEN = "***"
_HIDDEN_NAME = "*"
_HIDDEN_PHONE = "*" * 8
_HIDDEN_ID_NUMBER = "•" * 8
_HIDDEN_WAYBILL = "*" * 9


def mask(kind: str, value: str) -> str:
    """Return what may be shown of a value.

    Args:
        kind: a mask id, a key of :data:`MASKS`.
        value: the value in its canonical spelling; other spellings are hidden whole.

    Returns:
        The masked value.

    Raises:
        PolicyError: ``unknown_mask``; the id is not named, since a caller may have swapped the arguments.
    """
    try:
        rule = MASKS[kind]
    except KeyError:
        raise PolicyError("unknown_mask") from None
    return rule(value)


# -- names -------------------------------------------------------------------------------------------------------

_COMPOUND_SURNAMES = frozenset(
    re.findall(
        "..",
        "欧阳歐陽太史端木上官司马司馬东方東方独孤獨孤南宫南宮万俟闻人聞人夏侯诸葛諸葛尉迟尉遲公羊赫连赫連澹台澹臺"
        "皇甫宗政濮阳濮陽公冶太叔申屠公孙公孫慕容仲孙仲孫钟离鍾離长孙長孫宇文司徒鲜于鮮于司空闾丘閭丘亓官司寇巫马"
        "巫馬颛孙顓孫壤驷漆雕乐正樂正宰父谷梁拓跋轩辕軒轅令狐段干百里呼延东郭東郭南门南門羊舌微生梁丘左丘西门西門"
        "第五南荣东里纳兰納蘭即墨达奚",
    )
)
_NAME_DOTS = re.compile(r"[·•・‧∙⋅.．]")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


def _name(value: str) -> str:
    """Mask a name: 王*, 欧阳*, 古*·*, J*.

    A Chinese name keeps its surname. Each part of a dotted name loses all its characters, but for the first
    character of the first part. Names in other scripts keep the initial. A first part of one character is hidden.
    """
    parts = [part for part in map(str.split, _NAME_DOTS.split(value)) if part]
    if not parts:
        return _HIDDEN_NAME
    han = _HAN.match(parts[0][0]) is not None
    first = "".join(parts[0]) if han else parts[0][0]
    if len(first) < 2:  # noqa: PLR2004 - a single character is all there is to hide
        shown = ""
    elif len(parts) == 1 and len(first) > 2 and first[:2] in _COMPOUND_SURNAMES:  # noqa: PLR2004 - two-character surname
        shown = first[:2]
    else:
        shown = first[0]
    western = first[0].isascii() and first[0].isalpha()
    return shown + _HIDDEN_NAME + ("" if western else "·*" * (len(parts) - 1))


def _surname_only(value: str) -> str:
    """Mask a name of another party: the surname of a Chinese name; dotted and foreign names have none to show."""
    plain = _HAN.match(value.strip()) and not _NAME_DOTS.search(value)
    return _name(value) if plain else _HIDDEN_NAME


# -- numbers -----------------------------------------------------------------------------------------------------

_PHONE_SHOWN = re.compile(
    r"(?:(?P<mobile>1[3-9][0-9])[0-9]{8}|(?P<area>0[0-9]{2,3}-)[0-9]{7,8}|(?P<region>\+85[23]|\+886)[0-9]{8,9})"
    r"(?:x[0-9]{1,6})?"
)
_WAYBILL_SHOWN = re.compile(r"(?P<letters>[A-Z]{0,2}+)(?P<middle>[0-9A-Z]{4,})(?P<end>[0-9A-Z]{4})")


def _phone(value: str) -> str:
    """Mask a phone: three digits of a mobile, the area code of a fixed line; at least six hidden (GB/T 41833)."""
    found = _PHONE_SHOWN.fullmatch(value)
    return (found[found.lastgroup] if found and found.lastgroup else "") + _HIDDEN_PHONE


def _waybill(value: str) -> str:
    """Mask a waybill the agent did not type: two letters of the carrier and the last four characters."""
    found = _WAYBILL_SHOWN.fullmatch(value)
    return found["letters"] + "*" * len(found["middle"]) + found["end"] if found else _HIDDEN_WAYBILL


# -- addresses ---------------------------------------------------------------------------------------------------

_MUNICIPALITY = re.compile(r"(?P<town>北京|上海|天津|重庆)(?P<suffix>市)?(?:(?P=town)市)?(?:市辖区)?")
_PROVINCE = re.compile(
    r"(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省?"
    r"|内蒙古(?:自治区)?|广西(?:壮族自治区)?|西藏(?:自治区)?|宁夏(?:回族自治区)?|新疆(?:维吾尔自治区)?"
    r"|(?:香港|澳门)(?:特别行政区)?"
)
# The character classes end the search at a street, an estate or a house number: a district stands before all of them.
_OF_CITY = r"(?!单元)(?![区县路街道巷弄村号室栋幢楼园苑院])[\u4e00-\u9fff]"
_OF_COUNTY = r"(?!单元)(?![街巷弄村号室栋幢园苑院厦组])[\u4e00-\u9fff]"
_CITY = re.compile(
    rf"(?:{_OF_CITY}){{1,4}}?(?:(?<!超)市(?!场)|地区|盟)|(?:{_OF_CITY}){{2,12}}?自治州|(?:{_OF_CITY}){{2,4}}?州(?!市)"
)
# 路 and 道 open a few real names (路桥区) and otherwise end a street. The guards refuse 小区, 三区, 超市, 城市花园.
_DISTRICT = re.compile(
    rf"(?:苏州)?工业园区|二道江?区|道县|(?:{_OF_COUNTY}){{1,12}}?自治[县旗]"
    rf"|[路道]?(?:(?![路道]){_OF_COUNTY}){{1,4}}?"
    r"(?:(?<![小社校厂库片景住宅墅务属活一二三四五六七八九十])区"
    r"|县(?!区)|(?<![超夜菜])市(?![场部区市县])(?!(?<=城市)[花广之绿公中]))"
)
_BANNER = re.compile(rf"(?:{_OF_COUNTY}){{1,8}}?旗(?!区)")


def _places(address: str) -> tuple[str, str]:
    """Return the recognised administrative opening of an address and its town; both empty when there is none.

    The opening ends at the district, county or banner, or at the town when no district follows it.
    """
    if municipality := _MUNICIPALITY.match(address):
        district = _DISTRICT.match(address, municipality.end())
        if not district and not municipality["suffix"]:
            return "", ""
        return address[: (district or municipality).end()], municipality["town"] + "市"
    province = _PROVINCE.match(address)
    start = province.end() if province else 0
    city = _CITY.match(address, start)
    if not city and not province:
        return "", ""
    after = city.end() if city else start
    district = _DISTRICT.match(address, after)
    if not district and address.startswith("内蒙古"):
        district = _BANNER.match(address, after)
    last = district or city
    return (address[: last.end()], (city or last)[0]) if last else ("", "")


def _address(value: str) -> str:
    """Mask an address to its district: 广东省深圳市龙岗区***. No street, number or unit is ever shown (GB/T 41833)."""
    return _places("".join(value.split()))[0] + _HIDDEN


def _city(value: str) -> str:
    """Mask an address to its town: 深圳市; a value that is no more than the town is hidden."""
    address = "".join(value.split())
    town = _places(address)[1]
    return town if town and town != address else _HIDDEN


# -- the table ---------------------------------------------------------------------------------------------------


def _plain(value: str) -> str:
    return value


def _hidden(_value: str) -> str:
    return _HIDDEN


def _id_number(_value: str) -> str:
    return _HIDDEN_ID_NUMBER


MASKS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "name": _name,
        "surname_only": _surname_only,
        "phone": _phone,
        "id_number": _id_number,
        "address": _address,
        "city": _city,
        "waybill": _waybill,
        "text": _hidden,
        "plain": _plain,
        "hidden": _hidden,
    }
)

VALUELESS = frozenset({"hidden", "id_number", "text"})
"""Masks that say the same of every value, so that nothing need be opened to show them."""

_NARROWER: Mapping[str, frozenset[str]] = {"name": frozenset({"surname_only"}), "address": frozenset({"city"})}


def masks_within(widest: str) -> frozenset[str]:
    """Return the masks that a field may have whose widest one this is: made for such values, and showing no more."""
    return frozenset({widest, "hidden"}) | _NARROWER.get(widest, frozenset())
