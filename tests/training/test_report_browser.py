"""The page in a real browser."""

import html
import json
import re
import shutil
import subprocess

import gatekeeper_samples
import plan_samples
import pytest
import report_samples as samples

from arbiter_training.planning.page import render_plan
from arbiter_training.report.gatekeeper_page import render_gatekeeper
from arbiter_training.report.page import render_html

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
)  # fmt: skip

# The page itself allows no script, so a frame of the wanted width is measured from outside.
MEASURE = """
<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="page" style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><output id="found"></output>
<script>
document.getElementById("page").addEventListener("load", event => {{
  const view = event.target.contentWindow, page = view.document, wide = [];
  page.querySelectorAll("details").forEach(element => {{ element.open = true; }});
  page.querySelectorAll("body *").forEach(element => {{
    const inside = element.closest(".scroll, pre, svg, .share-name");
    if (!inside && element.getBoundingClientRect().right > {width} + 0.5) wide.push(element.outerHTML.slice(0, 200));
  }});
  document.getElementById("found").textContent = JSON.stringify({{
    scroll: page.documentElement.scrollWidth, wide: wide, lang: page.documentElement.lang,
    requests: view.performance.getEntriesByType("resource").map(entry => entry.name),
    drawings: [...page.querySelectorAll("svg.plane")].filter(svg => svg.getBoundingClientRect().width > 0).length,
    alerts: page.querySelectorAll("script, img").length,
  }});
}});
</script>
"""


@pytest.fixture(scope="module")
def browser():
    """Give the command of an installed Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


def measured(browser, tmp_path, page, width):
    """Give what Chromium makes of a page in a frame of some width; the console must stay empty."""
    frame = tmp_path / "frame.html"
    frame.write_text(MEASURE.format(width=width, page=html.escape(page)), encoding="utf-8")
    command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=4000", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    found = json.loads(html.unescape(re.search(r'<output id="found">(.*?)</output>', done.stdout, re.S)[1]))
    assert found["scroll"] <= width and found["wide"] == []
    assert found["requests"] == [] and found["alerts"] == 0
    assert found["lang"] == "en"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["three_models", "sixteen_models", "nothing_known", "hostile", "observational"])
def test_page_fits_and_is_silent(browser, tmp_path, name, width):
    """In Chromium the page scrolls sideways at no width, asks for nothing, and leaves the console empty."""
    found = measured(browser, tmp_path, render_html(samples.SAMPLES[name](), samples.ROUTED), width)
    assert found["drawings"] == (0 if name == "nothing_known" else 1)


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("source", ["labelled.parquet", gatekeeper_samples.HOSTILE])
def test_the_gatekeepers_page_fits_and_is_silent(browser, tmp_path, source, width):
    """The same of the other page."""
    page = render_gatekeeper(gatekeeper_samples.evaluation(source=source), gatekeeper_samples.about(source))
    measured(browser, tmp_path, page, width)


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_a_plans_page_fits_and_is_silent(browser, tmp_path, width):
    """The same of a plan, whose use case is named by an attacker."""
    page = render_plan(plan_samples.full_plan(tmp_path, "<script>alert(1)</script>"))
    assert measured(browser, tmp_path, page, width)["drawings"] >= 2
