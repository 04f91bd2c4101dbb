"""A real browser for tests of the page: Debian's chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from processes import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A headless browser without a network."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="browser: needs Playwright, `pip install playwright`"
    )
    if not CHROMIUM.is_file():
        pytest.skip("browser: needs chromium, `apt-get install chromium`")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
            timeout=2 * PATIENCE_S * 1000,
        )
        yield launched
        launched.close()
