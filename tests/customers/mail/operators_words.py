"""Templates of an operator, in a folder that the settings name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT = "Moin {{ display_name }}\n\n{{ link }}\n"
HTML = '<h1>Moin {{ display_name }}</h1><a href="{{ link }}">Los</a>\n'
LAYOUT = '{% extends "mail/base.html" %}{% block heading %}Moin {{ display_name }}{% endblock %}'


@dataclass(frozen=True, slots=True)
class Words:
    """The folder; `words["welcome.html"] = "…"` puts a file there."""

    folder: Path

    def __setitem__(self, name: str, content: str | bytes) -> None:
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def words_in(folder: Path, settings: Any) -> Words:
    folder.mkdir(exist_ok=True)
    settings.MAIL_TEMPLATES_DIR = str(folder)
    return Words(folder)
