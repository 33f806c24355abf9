"""Write or delete many rows in one statement, or a few.

Django's `bulk_update` builds a CASE for each value of each row: for a batch of 25 rows and their steps that
is 40 ms of Python, twenty times what the database needs; `bulk_create` compiles each value of each row by
itself. One statement over one JSON document does the same: it is written by C, and PostgreSQL reads it. An
array for each column took three times as long, most of it to quote each value by itself. What can only be new
takes less yet with COPY, which PostgreSQL works on while the rest is still put together.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from django.db import connection
from django.db.models import SET_NULL, Field, ForeignObjectRel, JSONField, Model

AnyField: TypeAlias = "Field[Any, Any]"
_Place: TypeAlias = tuple[str, str]  # a table and a column


class _Statement(NamedTuple):
    """What is executed over a document; its rows have these `columns`, and `values` reads them of an object.

    Put together once: for a batch of 25 rows that took as long as to write their values.
    """

    sql: str
    columns: Sequence[str]
    values: Callable[[Any], tuple[Any, ...]]

    def document(self, objects: Sequence[Any]) -> str:
        """Write values as they are kept in objects, of JSON fields too; None is NULL."""
        rows = [dict(zip(self.columns, self.values(one), strict=True)) for one in objects]
        return _as_json(rows)


def update(model: type[Model], objects: Sequence[Any], names: Sequence[str]) -> int:
    """Write the named fields of objects, by primary key; give the number of rows written.

    The objects need not be of the model, as long as what they hold is called as it is there.
    """
    if not objects:
        return 0
    statement = _update(model, tuple(names))
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [statement.document(objects)])
        return int(cursor.rowcount)


@cache
def _update(model: type[Model], names: tuple[str, ...]) -> _Statement:
    fields = _fields(model)
    key = next(field for field in fields if field.primary_key)
    written = [field for field in fields if field.name in names]
    sql = (
        f"UPDATE {_table(model)} AS old SET {_assignments(written, 'new')}"  # noqa: S608 names are the models' own
        f" FROM {_values([key, *written])} WHERE old.{_column(key)} = new.{_column(key)}"
    )
    return _statement(sql, [key, *written])


def insert(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows of values by column, and give their primary keys.

    What rows do not name is as in a new object. One of those for each took as long as all else does here.
    """
    if not rows:
        return []
    statement = _insert(model)
    blank = dict(zip(statement.columns, statement.values(model()), strict=True))
    return _inserted(statement, _as_json([{**blank, **row} for row in rows]))


def upsert(
    model: type[Model], objects: Sequence[Any], *, unique: Sequence[str], update: Sequence[str]
) -> list[int]:
    """Insert objects; where one with the same `unique` fields is, write its `update` fields.

    Gives the primary keys, in the order of the objects. They need not be of the model, as in `update`.
    """
    if not objects:
        return []
    statement = _insert(model, tuple(unique), tuple(update))
    return _inserted(statement, statement.document(objects))


@cache
def _insert(model: type[Model], unique: tuple[str, ...] = (), update: tuple[str, ...] = ()) -> _Statement:
    fields = [field for field in _fields(model) if not field.primary_key]
    columns = ", ".join(_column(field) for field in fields)
    sql = f"INSERT INTO {_table(model)} ({columns}) SELECT * FROM {_values(fields)}"  # noqa: S608 as above
    if unique:
        conflict = ", ".join(_column(field) for field in fields if field.name in unique)
        assignments = _assignments([field for field in fields if field.name in update], "excluded")
        sql = f"{sql} ON CONFLICT ({conflict}) DO UPDATE SET {assignments}"
    return _statement(f"{sql} RETURNING id", fields)


def _inserted(statement: _Statement, document: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [document])
        return [int(pk) for (pk,) in cursor.fetchall()]


def reserve(model: type[Model], number: int) -> list[int]:
    """Take so many primary keys, in order, which nobody else gets."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [_table(model), model._meta.pk.column, number],
        )
        return [int(pk) for (pk,) in cursor.fetchall()]


def copy(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of which none is there yet: their values, as the model holds them, in the order of `names`.

    What `names` leaves out is what the database gives it: a key, or NULL.
    """
    fields = {field.attname: field for field in _fields(model)}
    columns = ", ".join(_column(fields[name]) for name in names)
    documents = [place for place, name in enumerate(names) if isinstance(fields[name], JSONField)]
    statement = f"COPY {_table(model)} ({columns}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as stream:
        for row in rows:
            values = list(row)
            for place in documents:
                values[place] = _document(values[place])
            stream.write_row(values)


def _document(value: Any) -> str:
    """Write a value as JSON; most are nothing, and there are several in each row."""
    return "{}" if value == {} else "[]" if value == [] else _as_json(value)


def delete(model: type[Model], pks: Collection[int]) -> set[int]:
    """Delete objects with what hangs on them, as Django does: where nothing does, in a few statements.

    Gives the keys of those that were there.

    Django's own way reads each kind of thing that may hang on them, one after the other, for each batch.
    """
    if not pks:
        return set()
    loose, tight = _hanging(model)
    entangled = _named_by(tight, pks)
    if entangled:
        model._base_manager.filter(pk__in=entangled).delete()
    free = [pk for pk in pks if pk not in entangled]
    key = connection.ops.quote_name(str(model._meta.pk.column))
    let_go = ", ".join(
        f"loose_{n} AS (UPDATE {table} SET {column} = NULL WHERE {column} = ANY(%(pks)s))"  # noqa: S608
        for n, (table, column) in enumerate(loose)
    )
    delete = f"DELETE FROM {_table(model)} WHERE {key} = ANY(%(pks)s) RETURNING {key}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {let_go} {delete}" if let_go else delete, {"pks": free})
        return entangled | {int(pk) for (pk,) in cursor.fetchall()}


@cache
def _hanging(model: type[Model]) -> tuple[list[_Place], list[_Place]]:
    """Return where objects of other models point to this one: those that let go of it, and all others.

    Of those that let go, no two are in one table: one statement writes no row of a table twice.
    """
    hanging = [
        one for one in model._meta.get_fields(include_hidden=True) if isinstance(one, ForeignObjectRel)
    ]
    loose = {_place(one)[0]: _place(one) for one in hanging if one.on_delete is SET_NULL}
    return list(loose.values()), [place for one in hanging if (place := _place(one)) not in loose.values()]


def _named_by(places: Sequence[_Place], pks: Collection[int]) -> set[int]:
    """Return those of some objects that any of these places points to."""
    if not places:
        return set()
    selects = [f"SELECT {column} FROM {table} WHERE {column} = ANY(%s)" for table, column in places]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ".join(selects), [list(pks)] * len(selects))
        return {int(pk) for (pk,) in cursor.fetchall()}


def _place(relation: ForeignObjectRel) -> _Place:
    """Return the table and the column of a relation."""
    field: Any = relation.field
    return _table(field.model), _column(field)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _fields(model: type[Model]) -> list[AnyField]:
    return list(model._meta.concrete_fields)


def _column(field: AnyField) -> str:
    return connection.ops.quote_name(str(field.column))


def _assignments(fields: Sequence[AnyField], source: str) -> str:
    return ", ".join(f"{_column(field)} = {source}.{_column(field)}" for field in fields)


def _values(fields: Sequence[AnyField]) -> str:
    """Name the rows that a document makes; they come in its order."""
    columns = ", ".join(f"{_column(field)} {field.rel_db_type(connection)}" for field in fields)
    return f"json_to_recordset(%s::json) AS new({columns})"


def _statement(sql: str, fields: Sequence[AnyField]) -> _Statement:
    """Take a statement and the fields of its document, of which there are several."""
    return _Statement(
        sql, [str(field.column) for field in fields], attrgetter(*[one.attname for one in fields])
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, default=_written, separators=(",", ":"))


def _written(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"cannot be written in bulk: {type(value).__name__}")
