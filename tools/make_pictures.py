"""The pictures in the documents, from the committed example as this version shows it: `make pictures`."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

CHECKOUT = Path(__file__).parent.parent
PICTURES = {"docs/report.png": "outputs/example/report.html"}
WIDTH, HEIGHT = 1280, 800


def main() -> None:
    """Write each picture: the first screen of its page, in Chromium."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for target, source in PICTURES.items():
            page.goto((CHECKOUT / source).as_uri())
            page.screenshot(path=CHECKOUT / target)
            print(f"{target}: {WIDTH} x {HEIGHT} from {source}")
        browser.close()


if __name__ == "__main__":
    main()
