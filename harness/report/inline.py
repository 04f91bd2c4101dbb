"""This module makes a drawn SVG file part of a page: described, without foreign names, clashes or addresses."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
KEPT = re.compile(r"case-\d+")
"""Names of the page's own elements that a point may lead to."""
REFERENCE = re.compile(r"[(\"]#([^\")]+)[\")]")
"""Names that the drawing itself asks for; the others only weigh."""
FRACTION = re.compile(r"-?\d+\.\d{3,}")
DECIMALS = 2
"""Of coordinates: a hundredth of a point is seen by nobody and weighs a third of a picture."""


def inline_svg(document: str, prefix: str, title: str, description: str, colours: Mapping[str, str]) -> str:
    """An `<svg>` element for a page.

    Its names get the prefix, since two pictures on one page use the same ones; namespaces go, since a page
    needs none; colours of the drawing become those of the page.

    Args:
        document: what matplotlib wrote in this process; never a file from elsewhere.
        prefix: of the names, one for each picture of a page.
        title: what the picture shows, for readers who cannot see it.
        description: what it says, for the same.
        colours: as written in the document, to what the page calls them.
    """
    root = ET.fromstring(document)  # noqa: S314  (our own output of a moment ago)
    for child in root.findall(f"{SVG}metadata"):
        root.remove(child)
    named = set(REFERENCE.findall(document))
    for element in root.iter():
        if element.attrib.get("id") not in named:
            element.attrib.pop("id", None)
        element.text, element.tail = ((text or "").strip() for text in (element.text, element.tail))
        element.tag = element.tag.removeprefix(SVG)
        _rename(element, prefix)
        for name in ("d", "x", "y"):
            if name in element.attrib and element.tag != "image":
                element.set(name, FRACTION.sub(_short, element.attrib[name]))
        for drawn, called in colours.items():
            if "style" in element.attrib:
                element.set("style", element.attrib["style"].replace(drawn, called))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-description",
    }
    for name, text in (("desc", description), ("title", title)):
        element = ET.Element(name, {"id": f"{prefix}-{'title' if name == 'title' else 'description'}"})
        element.text = text
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode")


def _short(number: re.Match[str]) -> str:
    return f"{float(number.group()):.{DECIMALS}f}".rstrip("0").rstrip(".")


def _rename(element: ET.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    for name in ("clip-path", "style"):
        if name in element.attrib:
            element.set(name, element.attrib[name].replace("url(#", f"url(#{prefix}-"))
    element.attrib.pop("target", None)  # a link within the page needs no window of its own
    target = element.attrib.pop(XLINK_HREF, None)
    if target is not None:
        inner = target.startswith("#") and not KEPT.fullmatch(target[1:])
        element.set("href", f"#{prefix}-{target[1:]}" if inner else target)
