"""The lookup `__among`: as `__in`, for thousands of values.

Django has a parameter for each value of a list, and psycopg quotes each by itself: for 2,000 values that took
longer than all that is then done with what they find. One array is one parameter.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Field, ForeignObject, Lookup


def as_array(values: Iterable[str] | Iterable[int]) -> str:
    """Write texts or whole numbers as PostgreSQL reads an array: to be cast to one of their type."""
    return f"{{{','.join([_quoted(value) for value in values])}}}"


def _quoted(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


if TYPE_CHECKING:  # which knows it as generic, and Django does not
    AnyLookup = Lookup[Any]
else:
    AnyLookup = Lookup


@ForeignObject.register_lookup  # which takes over none of the others'
@Field.register_lookup
class Among(AnyLookup):
    """Whether the left side is one of a list of texts or of whole numbers, none of which is None."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        values = list(self.rhs)
        if not values:
            raise EmptyResultSet
        left, parameters = self.process_lhs(compiler, connection)
        is_number = isinstance(values[0], int)
        kind = self.lhs.output_field.rel_db_type(connection) if is_number else "text"
        return f"{left} = ANY(%s::{kind}[])", (*parameters, as_array(values))
