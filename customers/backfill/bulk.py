"""Write many rows in one statement.

Django's `bulk_update` builds a CASE for each value of each row: for a batch of 25 rows and their steps that
is 40 ms of Python, twenty times what the database needs. One UPDATE over arrays does the same.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def update(objects: Sequence[Model], names: Sequence[str]) -> int:
    """Write the named fields of objects of one model, by primary key; give the number of rows written."""
    if not objects:
        return 0
    meta = objects[0]._meta
    fields = [field for field in meta.concrete_fields if field.primary_key or field.name in names]
    fields.sort(key=lambda field: not field.primary_key)
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in fields]
    arrays = ", ".join(f"%s::{field.rel_db_type(connection)}[]" for field in fields)
    assignments = ", ".join(f"{column} = new.{column}" for column in columns[1:])
    sql = (
        f"UPDATE {quote(meta.db_table)} AS old SET {assignments}"  # noqa: S608 names are the models' own
        f" FROM unnest({arrays}) AS new({', '.join(columns)}) WHERE old.{columns[0]} = new.{columns[0]}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_array(objects, field) for field in fields])
        return int(cursor.rowcount)


def _array(objects: Sequence[Model], field: "Field[Any, Any]") -> list[Any]:
    return [field.get_db_prep_save(getattr(one, field.attname), connection) for one in objects]
