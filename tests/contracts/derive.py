"""Derive a table of shapes anew: python -m tests.contracts.derive OFFICIAL-DESCRIPTION TABLE

The table says which replies it wants: to add one, name it among the `replies` with an empty text and derive
again. Only facts are kept: fields, kinds of value, null, the words of a list. The wording stays where it is.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

FORMATS = {"date-time", "date", "uuid", "email"}
Schema = dict[str, Any]
DECIMAL = "^[0-9]+.?[0-9]*$"
USED = {"$ref", "type", "enum", "pattern", "oneOf", "allOf", "items"}
USED |= {"properties", "required", "additionalProperties"}
# Its wording; what this version of OpenAPI no longer knows; how long words and how large numbers may be.
UNUSED = {"description", "example", "default", "deprecated", "format", "nullable", "maxLength"}
UNUSED |= {"minimum", "maximum"}


class Derivation:
    def __init__(self, document: Any) -> None:
        self.document = document
        self.shapes: dict[str, Any] = {}

    def reply(self, name: str) -> str:
        method, path, status = name.split()
        response = self._followed(self.document["paths"][path][method.lower()]["responses"][status])
        (content,) = response["content"].values()
        return self._kinds(content["schema"], name.replace(" ", "_"))

    def _kinds(self, schema: Schema, name: str) -> str:
        """Give the kinds of value that fit; what has fields becomes a shape of that name."""
        if unknown := schema.keys() - USED - UNUSED:
            raise ValueError(f"{name}: nobody has decided what becomes of {sorted(unknown)}")
        if "$ref" in schema:
            return self._named(schema["$ref"])
        if "oneOf" in schema:
            return self._one_of(schema["oneOf"], name)
        kinds = [self._kind(one, schema, name) for one in _types(schema) if one != "null"]
        return " ".join([*kinds, "null"] if _may_be_null(schema) else kinds)

    def _kind(self, type_: str, schema: Schema, name: str) -> str:
        if "enum" in schema:
            return " ".join(f"={word}" for word in schema["enum"] if word is not None)
        if type_ == "array":
            return f"[{self._item(schema['items'], name.removesuffix('s'))}]"
        if type_ == "object":
            return self._object(schema, name)
        if "pattern" in schema:
            return {DECIMAL: "decimal"}[schema["pattern"]]
        return schema["format"] if schema.get("format") in FORMATS else type_

    def _item(self, schema: Schema, name: str) -> str:
        """Give one word for what a list holds."""
        kinds = self._kinds(schema, name)
        if " " not in kinds:
            return kinds
        self.shapes[name] = kinds
        return name

    def _object(self, schema: Schema, name: str) -> str:
        fields, required = self._fields(schema, name)
        if not fields:
            return "object"
        optional = fields.keys() - required - {"*"}
        self.shapes[name] = {f"{one}?" if one in optional else one: kinds for one, kinds in fields.items()}
        return name

    def _fields(self, schema: Schema, name: str) -> tuple[dict[str, str], set[str]]:
        """Give the kinds of each field, and which must be there; of several parts all have to hold."""
        fields: dict[str, str] = {}
        required = set(schema.get("required", []))
        for part in schema.get("allOf", []):
            more, needed = self._fields(self._followed(part), name)
            fields |= {one: _common(fields.get(one, kinds), kinds) for one, kinds in more.items()}
            required |= needed
        for one, inside in schema.get("properties", {}).items():
            kinds = self._kinds(inside, f"{name}.{one}")
            fields[one] = _common(fields.get(one, kinds), kinds)
        if others := schema.get("additionalProperties"):
            fields["*"] = self._kinds(others, f"{name}.*")
        return fields, required

    def _one_of(self, schemas: list[Schema], name: str) -> str:
        kinds = [self._kinds(schema, name) for schema in schemas]
        if {"integer", "number"} <= {*kinds}:  # a whole number would be two of them, and may be one only
            kinds = [kind for kind in kinds if kind not in ("integer", "number")] + ["fraction"]
        return " ".join(kinds)

    def _named(self, reference: str) -> str:
        """Give the name of a shape that others may use too; that it may be null is said where it is used."""
        name = reference.rpartition("/")[2].removesuffix("OrNull")
        schema = self._followed({"$ref": reference})
        if name not in self.shapes:
            self.shapes[name] = None  # keeps its place, and ends a circle
            kinds = self._kinds(schema, name).removesuffix(" null")
            self.shapes[name] = self.shapes[name] if kinds == name else kinds
        return f"{name} null" if _may_be_null(schema) else name

    def _followed(self, schema: Schema) -> Schema:
        found = self.document if "$ref" in schema else schema
        for part in schema.get("$ref", "#").split("/")[1:]:
            found = found[part]
        return found


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", "object")
    return [types] if isinstance(types, str) else types


def _may_be_null(schema: Schema) -> bool:
    return "null" in _types(schema) and None in schema.get("enum", [None])


def _common(one: str, other: str) -> str:
    kinds = [kind for kind in one.split() if kind in other.split()]
    if not kinds:
        raise ValueError(f"nothing is both {one} and {other}")
    return " ".join(kinds)


def derived(document: Any, replies: list[str]) -> dict[str, Any]:
    derivation = Derivation(document)
    kinds = {reply: derivation.reply(reply) for reply in replies}
    return {"version": document["info"]["version"], "replies": kinds, "shapes": derivation.shapes}


if __name__ == "__main__":
    description, table = map(Path, sys.argv[1:])
    wanted = json.loads(table.read_text())["replies"]
    read = json.loads if description.suffix == ".json" else yaml.safe_load
    new = derived(read(description.read_text()), [*wanted])
    table.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n")
