"""What is wrong with a page as a browser shows it: axe's rules, and what they do not see."""

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

_AXE = Path(__file__).resolve().parents[1] / "vendor/axe/axe.min.js"
_OF_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
_SIZES = """() => {
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return loaded.reduce((sum, one) => sum + one.encodedBodySize, 0);
}"""
_SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})"""
_OVERFLOWING = """() => {
  const wide = document.documentElement.scrollWidth > innerWidth;
  return wide ? [...document.querySelectorAll("main *, header *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, .nav"))
    .slice(0, 3).map((one) => one.outerHTML.slice(0, 120)) : [];
}"""
_SCROLLED = """() => [...document.querySelectorAll(".scroll:has(> table)")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.getAttribute("aria-label"))"""
MOST_BYTES = 100 * 1024


def faults_of(page: Page, name: str, *, colours_only: bool = False) -> list[str]:
    """What is wrong with the page as it is shown now. Its context must leave out the policy, which forbids axe too."""
    if not page.evaluate("typeof axe === 'object'"):
        page.add_script_tag(path=_AXE)
    options: dict[str, Any] = _OF_COLOURS if colours_only else {}
    violations = page.evaluate("(options) => axe.run(options).then(result => result.violations)", options)
    found = [
        f"{name}: {one['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in violations
        for node in one["nodes"][:3]
    ]
    return found + overflow_of(page, name)


def overflow_of(page: Page, name: str) -> list[str]:
    """What makes the page wider than its window, and tables with columns, such as the amounts, out of sight."""
    found = [f"{name}: does not fit: {table}" for table in page.evaluate(_SCROLLED)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{name}: wider than the window: {page.evaluate(_OVERFLOWING)}")
    return found


def costs_of(page: Page, name: str) -> list[str]:
    """Whether a first view fetches too much, as compressed on the way, or moves while it loads. Right after loading."""
    found, sent, moved = [], page.evaluate(_SIZES), page.evaluate(_SHIFTS)
    if sent > MOST_BYTES:
        found.append(f"{name}: {sent:,} bytes at first view")
    if moved > 0.02:
        found.append(f"{name}: moves while it loads ({moved:.3f})")
    return found


def show(page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    """Give the page this width and scheme; nothing moves meanwhile."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
