"""Values of which each row of a file has several."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def struct(kind: type[T]) -> type[T]:
    """Make a dataclass that is frozen for the type checker, and compared and hashed by its values.

    Python itself does not watch over it: that makes an object of ten fields in a third of the time, and a
    plan of a large file took a tenth less.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
