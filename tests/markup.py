"""Whether a page is valid HTML: the standard's parser finds no error, and what no parser checks holds too."""

from collections.abc import Sequence
from typing import Protocol

import html5lib

INTERACTIVE = frozenset({"a", "button", "input", "select", "textarea", "summary"})
PHRASING_ONLY = frozenset(
    {"span", "strong", "em", "b", "i", "small", "code", "bdi", "label", "button", "p", "h1", "h2", "h3", "h4", "time"}
)
FLOW = frozenset(
    {"div", "p", "ul", "ol", "dl", "table", "form", "section", "nav", "aside", "article", "header", "footer", "main",
     "h1", "h2", "h3", "h4", "fieldset", "figure", "pre", "blockquote", "hr", "details", "dialog"}
)  # fmt: skip
CHILDREN = {
    "ul": {"li"}, "ol": {"li"}, "dl": {"dt", "dd", "div"}, "tr": {"td", "th"}, "thead": {"tr"}, "tbody": {"tr"},
    "select": {"option", "optgroup", "hr"}, "table": {"caption", "colgroup", "thead", "tbody", "tfoot"},
}  # fmt: skip
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers", "list", "form")


class Element(Protocol):
    """What the rules ask of an element."""

    tag: str
    attributes: dict[str, str]

    @property
    def parent(self) -> "Element | None": ...


_places: set[tuple[str, str, tuple[str, ...]]] = set()
"""Which elements, with which attributes, have been parsed in which parents. Parsing takes longer than making a page."""


def faults_of(text: str, elements: Sequence[Element]) -> list[str]:
    """What is wrong with the page of this text and these elements, in their order."""
    places = {(one.parent.tag if one.parent else "", one.tag, tuple(one.attributes)) for one in elements}
    found = [] if places <= _places else _parser_errors(text)
    _places.update(places)
    ids = {one.attributes["id"] for one in elements if "id" in one.attributes}
    level = 1
    for one in elements:
        found += _misplaced(one) + _misnamed(one, ids)
        if one.tag in ("h1", "h2", "h3", "h4"):
            if int(one.tag[1]) > level + 1:
                found.append(f"{one.tag} follows h{level}")
            level = int(one.tag[1])
    return found


def _parser_errors(text: str) -> list[str]:
    parser = html5lib.HTMLParser()
    parser.parse(text)
    lines = text.splitlines()
    return [
        f"{code} {values}: {lines[line - 1].strip()[:200]}"
        for (line, _), code, values in parser.errors
        if code != "invalid-codepoint"  # what somebody typed is shown to them again as typed
    ]


def _misplaced(one: Element) -> list[str]:
    """Elements in elements that may not hold them."""
    above = _above(one)
    found = [f"<{one.tag}> in <{up}>" for up in above if one.tag in FLOW and up in PHRASING_ONLY]
    if above and above[0] in CHILDREN and one.tag not in CHILDREN[above[0]]:
        found.append(f"<{one.tag}> straight in <{above[0]}>")
    if one.tag in INTERACTIVE and one.attributes.get("type") != "hidden" and {"a", "button"} & set(above):
        found.append(f"<{one.tag}> in a link or button")
    return found


def _misnamed(one: Element, ids: set[str]) -> list[str]:
    """References to what is not there, names that nobody hears, and orders of focus that surprise."""
    given = one.attributes
    found = [
        f"{one.tag}: {name} names {word!r}, which is not there"
        for name in REFERENCES
        for word in given.get(name, "").split()
        if word not in ids
    ]
    if one.tag == "img" and "alt" not in given:
        found.append("an image without alt")
    if one.tag in ("div", "span", "p") and "aria-label" in given and "role" not in given:
        found.append(f"a label on a <{one.tag}> that is nothing in particular: {given['aria-label']!r}")
    if given.get("tabindex", "0") not in ("0", "-1"):
        found.append(f"tabindex {given['tabindex']}")
    if one.tag == "time" and not given.get("datetime"):
        found.append("a time without datetime")
    return found


def _above(one: Element) -> list[str]:
    found, up = [], one.parent
    while up is not None:
        found.append(up.tag)
        up = up.parent
    return found
