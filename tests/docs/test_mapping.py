"""The page about the mapping file names every key and no other, and its examples can be read."""

from dataclasses import fields

import pytest

from customers.backfill.source import parse_mapping
from customers.backfill.source.mapping.model import Cards, Form, LeaveOut, Origin
from tests.docs.handbook import blocks, codes, page, section, table

SECTIONS = {
    "[file]: how the export is made": ("[file]", Form),
    "[fields]: which column is what": ("[fields]", Origin),
    "[cards]: how cards are written": ("[cards]", Cards),
    "[[leave_out]]: rows that are not imported": ("[[leave_out]]", LeaveOut),
}


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_explained_and_no_other(title):
    keys = {field.name for field in fields(SECTIONS[title][1])}

    assert set(codes(section(page("mapping.md"), title))) - {"column"} == keys - {"column"}


@pytest.mark.parametrize("title", SECTIONS)
def test_every_example_can_be_read(title):
    header, kind = SECTIONS[title]
    examples = [
        row[2].strip("`").replace("\\|", "|") for row in table(section(page("mapping.md"), title))[1:]
    ]
    needed = {"[[leave_out]]": 'column = "Status"\n'}.get(header, "")

    for example in examples:
        has_all = example.startswith("column") and kind is LeaveOut
        text = f"{header}\n{example}\nvalues = ['x']\n" if has_all else f"{header}\n{needed}{example}\n"
        assert parse_mapping("example.toml", text).as_document()


def test_the_blocks_of_the_page_can_be_read():
    found = [block.body for block in blocks(page("mapping.md")) if block.kind == "toml"]

    assert [parse_mapping("example.toml", text).translations["plan_code"].default for text in found] == [
        "standard"
    ]
