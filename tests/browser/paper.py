"""What people print and file: a page of the vault as it comes out on A4."""

from __future__ import annotations

import re

from playwright.sync_api import Page

PRINTABLE = 673  # CSS pixels of A4 between margins of 16 mm
_A4 = {(595, 842), (596, 843), (595, 843)}  # points, as browsers round them


def to_paper(page: Page) -> None:
    """Look at a page as it will be printed."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PRINTABLE, "height": 1000})


def cut_off(page: Page) -> list[str]:
    """Return what does not fit on the sheet: the page as a whole, and elements with more in them than they show."""
    width = int(page.evaluate("document.documentElement.scrollWidth"))
    clipped: list[str] = page.eval_on_selector_all(
        ".sheet *",
        "all => all.filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1"
        " && getComputedStyle(one).display !== 'inline').map(one => one.outerHTML.slice(0, 80))",
    )
    return clipped + ([f"{width} px wide"] if width > PRINTABLE else [])


def still_shown(page: Page, *selectors: str) -> list[str]:
    """Return which of these are seen on paper too."""
    return [one for one in selectors if any(found.is_visible() for found in page.locator(one).all())]


def lines_to_sign(page: Page) -> int:
    """Return how many lines there are on which people write by hand."""
    return sum(one.is_visible() for one in page.locator(".on-paper .line").all())


def sheets(page: Page) -> int:
    """Print a page, and return how many sheets of A4 it takes; 0 where another paper is asked for."""
    page.emulate_media(media=None)
    printed = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)\s*\]", printed)
    is_a4 = boxes and {(round(float(wide)), round(float(high))) for wide, high in boxes} <= _A4
    return len(re.findall(rb"/Type\s*/Page\b", printed)) if is_a4 else 0
