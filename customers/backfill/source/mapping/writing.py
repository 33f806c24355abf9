"""Write a mapping as a file that `reading` reads: the same for a terminal, a page and a download."""

from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit
from tomlkit.items import Table

from customers.backfill.source.mapping.model import FileMapping

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
