"""Write a mapping as a file that `reading` reads: the same for a terminal, a page and a download."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.mapping.reading import parse_mapping
from customers.backfill.source.model import SourceError

Comments = Mapping[tuple[str, ...], Iterable[str]]  # by section, or by section and key


def write_mapping(mapping: FileMapping, comments: Comments | None = None) -> str:
    """Return the text of the file; each comment stands above what it is about, those of `()` at the top."""
    return write_document(mapping.as_document(), comments)


def write_document(content: Mapping[str, Any], comments: Comments | None = None) -> str:
    """Do as `write_mapping` does with what a mapping says, which need not be finished."""
    told, document = comments or {}, tomlkit.document()
    for line in told.get((), ()):
        document.add(tomlkit.comment(line))
    for name, part in content.items():
        if name == "leave_out":
            rows = tomlkit.aot()
            for one in part:
                rows.append(_table((name,), one, told))
            document.append(name, rows)
        elif name == "values":
            values = tomlkit.table(is_super_table=True)
            for field, pairs in part.items():
                values.append(field, _table((name, field), pairs, told))
            document.append(name, values)
        else:
            document.append(name, _table((name,), part, told))
    return tomlkit.dumps(document)


def amended(text: str, before: FileMapping, after: FileMapping) -> str:
    """Return the text of a file that says something else now, with its comments and order.

    `text` is what `before` was read from. Where it cannot be changed by its parts, as where a key stands
    there in another way than it is read, it is written anew.
    """
    with suppress(TOMLKitError, SourceError):
        document = tomlkit.parse(text)
        _set(document, before.as_document(), after.as_document())
        changed = tomlkit.dumps(document)
        if parse_mapping(after.name, changed).sha256() == after.sha256():
            return changed
    return write_mapping(after)


def _set(container: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Have a part of a document say what is said now, key by key, where it said something else."""
    for key in before.keys() - after.keys():
        container.remove(key)
    for key, value in after.items():
        if value == before.get(key):
            continue
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            _set(container[key], before[key], value)
        elif isinstance(value, dict):
            container[key] = _tables(value)
        else:
            with _last_key_last(container):
                container[key] = value


@contextmanager
def _last_key_last(container: Any) -> Iterator[None]:
    """Let a key be added before comments that stand at the end: they are about the section that follows."""
    body = container.value.body if isinstance(container, Table) else []
    about_what_follows: list[Any] = []
    while body and body[-1][0] is None:
        about_what_follows.insert(0, body.pop())
    yield
    body.extend(about_what_follows)


def _tables(content: Mapping[str, Any]) -> Table:
    """Make a section, or one of sections."""
    nested = [value for value in content.values() if isinstance(value, dict)]
    table = tomlkit.table(is_super_table=bool(nested))
    for key, value in content.items():
        table.append(tomlkit.key(key), _tables(value) if isinstance(value, dict) else value)
    return table


def _table(key: tuple[str, ...], content: Mapping[str, Any], told: Comments) -> Table:
    table = tomlkit.table()
    for line in told.get(key, ()):
        table.add(tomlkit.comment(line))
    for name, value in content.items():
        for line in told.get((*key, name), ()):
            table.add(tomlkit.comment(line))
        table.append(tomlkit.key(name), _value(value))
    return table


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline
