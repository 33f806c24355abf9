"""The catalogues of translations: what the sources say, and the files that translate it.

`make catalogues` adds to each .po what is new, takes out what is gone, and compiles it into its .mo. Both are
committed, so that neither an operator nor the image needs gettext's programs.
"""

import ast
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import django
from django.conf import settings
from django.template import engines
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "customers" / "locale"
TEMPLATES = ("base.html", "customers/*.html", "mail/*")
PACKAGES = ("customers", "polaris_backfill")
CALLS = {"gettext": 0, "gettext_lazy": 0, "_": 0, "ngettext": 0, "pgettext": 1}  # where the text is
LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[[0-9]\])?) )?"(.*)"')
ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


class Message(NamedTuple):
    context: str
    text: str
    plural: str

    @property
    def key(self) -> str:
        return (f"{self.context}\4" if self.context else "") + self.text

    @property
    def id(self) -> bytes:
        return (f"{self.key}\0{self.plural}" if self.plural else self.key).encode()


HEADER = Message("", "", "")
Catalogue = Mapping[Message, Sequence[str]]  # the header among them


def said() -> list[Message]:
    """Return what mails and pages say, each once, in the order of the sources."""
    return list(dict.fromkeys([*_in_templates(), *_in_code()]))


def _in_templates() -> Iterator[Message]:
    for pattern in TEMPLATES:
        for path in sorted((ROOT / "templates").glob(pattern)):
            name = path.relative_to(ROOT / "templates").as_posix()
            nodes = engines["django"].engine.get_template(name).nodelist
            for node in nodes.get_nodes_by_type(TranslateNode):
                yield Message("", str(node.filter_expression.var.literal), "")
            for node in nodes.get_nodes_by_type(BlockTranslateNode):
                plural = node.render_token_list(node.plural)[0] if node.plural else ""
                yield Message("", node.render_token_list(node.singular)[0], plural)


def _in_code() -> Iterator[Message]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                    yield _called(node.func.id, [ast.literal_eval(one) for one in node.args[:2]])


def _called(function: str, args: Sequence[str]) -> Message:
    context = args[0] if function == "pgettext" else ""
    return Message(context, args[CALLS[function]], args[1] if function == "ngettext" else "")


def po(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalogue:
    found: dict[Message, list[str]] = {}
    for block in po(language).read_text("utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for kind, text in LINE.findall(block):
            name = kind or name
            parts[name] = parts.get(name, "") + re.sub(r"\\(.)", lambda one: _plain(one[1]), text)
        message = Message(*(parts.get(part, "") for part in ("msgctxt", "msgid", "msgid_plural")))
        found[message] = [text for part, text in parts.items() if part.startswith("msgstr")]
    return found


def _plain(char: str) -> str:
    return "\n" if char == "n" else char


def written(catalogue: Catalogue) -> str:
    """Return the text of a .po file."""
    return "\n\n".join("\n".join(_entry(*one)) for one in catalogue.items()) + "\n"


def _entry(message: Message, texts: Sequence[str]) -> Iterator[str]:
    if message.context:
        yield f"msgctxt {_quoted(message.context)}"
    yield f"msgid {_quoted(message.text)}"
    if message.plural:
        yield f"msgid_plural {_quoted(message.plural)}"
        yield from (f"msgstr[{number}] {_quoted(text)}" for number, text in enumerate(texts))
    else:
        yield f"msgstr {_quoted(texts[0])}"


def _quoted(text: str) -> str:
    return '"' + "".join(ESCAPED.get(char, char) for char in text) + '"'


def compiled(catalogue: Catalogue) -> bytes:
    """Return the .mo of a catalogue (GNU gettext manual, 10.3), without what is not translated yet."""
    pairs = sorted((one.id, "\0".join(texts).encode()) for one, texts in catalogue.items() if all(texts))
    columns = [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]
    begin, table, body = 28, b"", b""
    for texts in columns:
        for text in texts:
            table += struct.pack("<2I", len(text), begin + 16 * len(pairs) + len(body))
            body += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), begin, begin + 8 * len(pairs), 0, 0)
    return head + table + body


def main() -> None:
    messages = said()
    for language in settings.MAIL_LANGUAGES[1:]:
        old = read(language)
        blank = {one: ["", ""] if one.plural else [""] for one in messages}
        new = {HEADER: old[HEADER]} | {one: old.get(one, texts) for one, texts in blank.items()}
        po(language).write_text(written(new), "utf-8")
        po(language).with_suffix(".mo").write_bytes(compiled(new))
        print(f"{language}: {sum(not all(texts) for texts in new.values())} to translate")


if __name__ == "__main__":
    django.setup()
    main()
