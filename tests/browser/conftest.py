"""A real browser on the front door of the small vault, served on a loopback port."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.web.conftest import Front, front  # noqa: F401 - a fixture

CHROMIUM = os.environ.get("CHROMIUM", "") or shutil.which("chromium") or "/usr/bin/chromium"
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Visitor:
    """One browser tab, and everything it complained about.

    Args:
        page: the tab.
        address: of the front door.
        passwords: by work number.
        code: tells what somebody's authenticator app shows, empty without one.
        complaints: console errors and uncaught script errors.
    """

    page: Page
    address: str
    passwords: dict[str, str]
    code: Callable[[str], str]
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, work_number: str) -> None:
        """Sign in with the keyboard alone."""
        self.page.goto(f"{self.address}/sign-in")
        expect(self.page.locator("#work_number")).to_be_focused()
        self.page.keyboard.type(work_number)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(self.passwords[work_number])
        self.press_and_go("Enter")
        code = self.code(work_number)
        if code:
            expect(self.page.locator("#code")).to_be_focused()
            self.page.keyboard.type(code)
            self.press_and_go("Enter")

    def press_and_go(self, key: str) -> None:
        """Press a key that leads to another page."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(key)

    def type_number(self, number: str) -> None:
        """Type into the box that has the focus, then Enter, a digit, Enter: three keys to the card."""
        expect(self.page.locator("#number")).to_be_focused()
        self.page.keyboard.type(number)
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("1")
        self.press_and_go("Enter")


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: object) -> None:  # keeps the test output free of requests
        pass


@pytest.fixture(scope="module")
def address(front: Front) -> Iterator[str]:  # noqa: F811 - pytest hands the imported fixture by name
    """Serve the application while the tests of a module run: over the shared vault, or the module's own."""
    server = make_server("127.0.0.1", 0, front.with_settings(env="demo"), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def playwright_running() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright_running: Playwright) -> Iterator[Browser]:
    """Start the system's chromium; it is never downloaded."""
    if not Path(CHROMIUM).exists():
        pytest.fail("chromium is missing: apt-get install chromium (ops/test-packages.txt)")
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS  # its sandbox refuses to run as root
    browser = playwright_running.chromium.launch(executable_path=CHROMIUM, args=flags)
    yield browser
    browser.close()


@pytest.fixture
def visit(chromium: Browser, address: str, front: Front) -> Iterator[Callable[..., Visitor]]:  # noqa: F811
    """Open tabs with chosen settings; afterwards none may have complained."""
    visitors: list[Visitor] = []

    def open_tab(width: int = 1280, **settings: object) -> Visitor:
        context = chromium.new_context(viewport={"width": width, "height": 800}, **settings)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(10_000)
        visitor = Visitor(page, address, dict(front.passwords), front.code)
        page.on("console", lambda message: visitor.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitors.append(visitor)
        return visitor

    yield open_tab
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.complaints == []
