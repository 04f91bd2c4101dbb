"""This script makes the page of 5000 cases and uses it in headless Chromium: size, time to write, time to answer.

The figures of the cases are drawn at random and of no device. Goals: at most 1.5 MB, written in 5 s, and each of
opening, sorting and filtering done within 1 s, the picture on the screen included. It needs Playwright and Debian's
chromium; without them it stops after size and time.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from judging.crowd import many_cases, many_runs

from harness.report import report

MEGABYTES, WRITE_S, ANSWER_S = 1.5, 5.0, 1.0

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
"""Resolves once what was changed is on the screen."""


def main() -> None:
    """Print each figure beside its goal; exit with 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, ranking = many_runs(Path(folder), many_cases(asked.cases))
        report(runs, Path(folder, "warm"), ranking=ranking)
        begin = time.perf_counter()
        paths = report(runs, Path(folder, "reports"), ranking=ranking)
        written_s = time.perf_counter() - begin
        print(f"{asked.cases} cases, {len(paths)} files")
        kept = [tell("size of the page", paths[0].stat().st_size / 1e6, MEGABYTES, "MB")]
        kept += [tell("all files written", written_s, WRITE_S, "s"), *use(paths[0])]
    sys.exit(not all(kept))


def use(page: Path) -> list[bool]:
    """Open, sort and filter a page in a browser; nothing where there is none."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  the benchmark goes without
    except ImportError:
        print("no browser: needs Playwright, `pip install playwright`")
        return []
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no browser: needs chromium, `apt-get install chromium`")
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})

        def timed(act: Callable[[], object]) -> float:
            begin = time.perf_counter()
            act()
            tab.evaluate(PAINTED)
            return time.perf_counter() - begin

        steps: dict[str, Callable[[], object]] = {
            "opened": lambda: tab.goto(page.as_uri()),
            "sorted by energy": lambda: tab.eval_on_selector(
                "th[data-key=energy_per_inference_j] button", "(e) => e.click()"
            ),
            "sorted by case": lambda: tab.eval_on_selector("th[data-key=case] button", "(e) => e.click()"),
            "filtered by device": lambda: tab.select_option("[name=device]", "bench-2"),
            "searched for words": lambda: (
                tab.fill("[name=q]", "model-7 int8"),
                tab.locator("#shown").get_by_text(" of ").wait_for(),
                tab.wait_for_timeout(130),  # the pause after the last letter is part of it
            ),
            "all shown again": lambda: tab.eval_on_selector("[type=reset]", "(e) => e.click()"),
            "columns chosen": lambda: tab.select_option("[name=columns]", "decision"),
        }
        kept = [tell(name, timed(act), ANSWER_S, "s") for name, act in steps.items()]
        browser.close()
    return kept


def tell(name: str, found: float, goal: float, unit: str) -> bool:
    """Print a figure beside its goal."""
    print(f"{name:<22} {found:6.2f} {unit:<2}  goal {goal:g} {unit}  {'met' if found <= goal else 'MISSED'}")
    return found <= goal


if __name__ == "__main__":
    main()
