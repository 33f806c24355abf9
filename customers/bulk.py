"""Write or delete many rows in one statement, or a few.

Django's `bulk_update` builds a CASE for each value of each row: for a batch of 25 rows and their steps that
is 40 ms of Python, twenty times what the database needs; `bulk_create` compiles each value of each row by
itself. One statement over one JSON document does the same: it is written by C, and PostgreSQL reads it. An
array for each column took three times as long, most of it to quote each value by itself.
"""

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from django.db import connection
from django.db.models import SET_NULL, Field, ForeignObjectRel, Model

AnyField: TypeAlias = "Field[Any, Any]"


def update(model: type[Model], objects: Sequence[Any], names: Sequence[str]) -> int:
    """Write the named fields of objects, by primary key; give the number of rows written.

    The objects need not be of the model, as long as what they hold is called as it is there.
    """
    if not objects:
        return 0
    table, fields = _table(model), _fields(model)
    key = next(field for field in fields if field.primary_key)
    written = [field for field in fields if field.name in names]
    sql = (
        f"UPDATE {table} AS old SET {_assignments(written, 'new')}"  # noqa: S608 names are the models' own
        f" FROM {_values([key, *written])} WHERE old.{_column(key)} = new.{_column(key)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_document(objects, [key, *written])])
        return int(cursor.rowcount)


def insert(objects: Sequence[Model]) -> None:
    """Insert objects of one model, and let each know its primary key."""
    if not objects:
        return
    fields = [field for field in _fields(type(objects[0])) if not field.primary_key]
    for one in objects:
        for field in fields:
            field.pre_save(one, add=True)
    for one, pk in zip(objects, _inserted(type(objects[0]), objects, fields), strict=True):
        one.pk, one._state.adding = pk, False


def upsert(
    model: type[Model], objects: Sequence[Any], *, unique: Sequence[str], update: Sequence[str]
) -> list[int]:
    """Insert objects; where one with the same `unique` fields is, write its `update` fields.

    Gives the primary keys, in the order of the objects. They need not be of the model, as in `update`.
    """
    if not objects:
        return []
    fields = [field for field in _fields(model) if not field.primary_key]
    conflict = ", ".join(_column(field) for field in fields if field.name in unique)
    assignments = _assignments([field for field in fields if field.name in update], "excluded")
    return _inserted(model, objects, fields, f" ON CONFLICT ({conflict}) DO UPDATE SET {assignments}")


def _inserted(
    model: type[Model], objects: Sequence[Any], fields: Sequence[AnyField], on_conflict: str = ""
) -> list[int]:
    columns = ", ".join(_column(field) for field in fields)
    sql = (
        f"INSERT INTO {_table(model)} ({columns})"  # noqa: S608 as above
        f" SELECT * FROM {_values(fields)}{on_conflict} RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_document(objects, fields)])
        return [int(pk) for (pk,) in cursor.fetchall()]


def delete(model: type[Model], pks: Collection[int]) -> None:
    """Delete objects with what hangs on them, as Django does: where nothing does, in a few statements.

    Django's own way reads each kind of thing that may hang on them, one after the other, for each batch.
    """
    if not pks:
        return
    hanging = [
        one for one in model._meta.get_fields(include_hidden=True) if isinstance(one, ForeignObjectRel)
    ]
    loose = [one for one in hanging if one.on_delete is SET_NULL]
    entangled = _named_by([one for one in hanging if one not in loose], pks)
    model._base_manager.filter(pk__in=entangled).delete()
    free = [pk for pk in pks if pk not in entangled]
    with connection.cursor() as cursor:
        for table, column in map(_place, loose):
            cursor.execute(f"UPDATE {table} SET {column} = NULL WHERE {column} = ANY(%s)", [free])  # noqa: S608
        key = connection.ops.quote_name(str(model._meta.pk.column))
        cursor.execute(f"DELETE FROM {_table(model)} WHERE {key} = ANY(%s)", [free])  # noqa: S608 as above


def _named_by(relations: Sequence[ForeignObjectRel], pks: Collection[int]) -> set[int]:
    """Return those of some objects that any of these relations points to."""
    if not relations:
        return set()
    places = [_place(one) for one in relations]
    selects = [f"SELECT {column} FROM {table} WHERE {column} = ANY(%s)" for table, column in places]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ".join(selects), [list(pks)] * len(selects))
        return {int(pk) for (pk,) in cursor.fetchall()}


def _place(relation: ForeignObjectRel) -> tuple[str, str]:
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


def _document(objects: Sequence[Any], fields: Sequence[AnyField]) -> str:
    """Write values as they are kept in objects, of JSON fields too; None is NULL."""
    names = [(str(field.column), field.attname) for field in fields]
    rows = [{column: getattr(one, name) for column, name in names} for one in objects]
    return json.dumps(rows, default=_written, separators=(",", ":"))


def _written(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"cannot be written in bulk: {type(value).__name__}")
