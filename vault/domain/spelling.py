"""How typed numbers are brought to one spelling before anything looks at them: half width, upper case, one dash."""

from __future__ import annotations

import unicodedata

LONGEST_TYPED = 64  # characters; bounds the work (and NFKC growth) for one number
LONGEST_PASTED = 200  # characters of text around a pasted waybill

_FOLD: dict[int, str] = {
    # What NFKC leaves: hyphens and dashes, dots, line separators, and marks that phones and chats put around numbers.
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2500\u30fc"), "-"),
    **dict.fromkeys(map(ord, "\u00b7\u2022\u2027\u2219\u22c5\u3002\u30fb"), "."),
    **dict.fromkeys((0x85, 0x1680, 0x2028, 0x2029), " "),
    **dict.fromkeys((0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF), ""),
    # ASCII letters only: str.upper() would also turn a dotless i or a sharp s into plain letters.
    **{code: chr(code - 32) for code in range(ord("a"), ord("z") + 1)},
}
NO_GAPS = str.maketrans("", "", " \t\n\r\f\v-.")
NO_GAPS_OR_BRACKETS = str.maketrans("", "", " \t\n\r\f\v-.()[]")


def folded(text: str) -> str:
    """Return the text in half width and upper case, with one kind of space, hyphen and dot."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKC", text).translate(_FOLD)
