"""The form of a page as a browser would send it, untouched."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any


class FilledIn(HTMLParser):
    """Takes what the fields of the form hold, by name; buttons send nothing unless they are pressed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._open = False  # inside the form
        self._area: str | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own: Mapping[str, Any] = dict(attrs)
        if tag == "form" and "pb-map" in (own.get("class") or ""):
            self._open = True
        elif not self._open:
            return
        elif tag == "input":
            ticks = own.get("type") == "checkbox"
            if own.get("type") != "file" and (not ticks or "checked" in own):
                self._add(own["name"], "on" if ticks else own.get("value") or "")
        elif tag == "textarea":
            self._area = own["name"]
            self._add(self._area, "")
        elif tag == "select":
            self._select, self._options = own["name"], []
        elif tag == "option":
            self._options.append((own.get("value") or "", "selected" in own))

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            text = self.fields[self._area][-1].removeprefix("\n")
            self.fields[self._area][-1] = text.replace("\n", "\r\n")
            self._area = None
        elif tag == "select" and self._select:
            chosen = [value for value, is_selected in self._options if is_selected]
            self._add(self._select, (chosen or [self._options[0][0]])[0])
            self._select = None
        elif tag == "form":
            self._open = False

    def _add(self, name: str, value: str) -> None:
        if name != "csrfmiddlewaretoken":
            self.fields.setdefault(name, []).append(value)


def filled_in(page: str) -> dict[str, list[str]]:
    return FilledIn(page).fields
