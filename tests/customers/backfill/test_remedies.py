"""What a remedy changes: never what the mapping says of anything else."""

import tomllib
from typing import Any

import pytest

from customers.backfill.causes import Cause, Remedy
from customers.backfill.remedies import chosen_plan, chosen_remedy
from customers.backfill.stored_preview import Preview
from customers.models import BackfillUpload

OPTIONS = {"date_format": "%m/%d/%Y", "decimal_mark": ".", "mapping_name": "m.toml"}


def upload(mapping: str = "") -> BackfillUpload:
    return BackfillUpload(name="a.csv", mapping=mapping, options=OPTIONS)


def preview(remedy: Remedy, value: str = "") -> Preview:
    cause = Cause("code", "plan_code", "", "", 1, (2,), value, (remedy,))
    head = {
        "causes": [cause.as_json()],
        "plan_codes": ["fleet", "standard"],
        "plans_named": {"a": "a", "new": "new"},
    }
    return Preview(head, [])


def said(mapping: str, remedy: Remedy, value: str = "") -> dict[str, Any]:
    change = chosen_remedy(upload(mapping), preview(remedy, value), 0, 0, "a.toml")
    assert change.mapping is not None
    return tomllib.loads(change.mapping)


def test_translations_are_added_and_none_but_the_chosen_value_becomes_another() -> None:
    mapping = '[values.plan_code]\n"a" = "kept"\n"Fleet" = "fleeet"\n'
    remedy = Remedy("", mapping={"values": {"plan_code": {"a": "a", "b": "b", "Fleet": "fleet"}}})

    told = said(mapping, remedy, "Fleet")

    assert told == {"values": {"plan_code": {"a": "kept", "b": "b", "Fleet": "fleet"}}}


COMMENTED = """\
# Of the old provider, as Olga said on the phone.
[cards]
upper_case = true   # they are printed so

# What was sold until 2019
[values.plan_code]
"a" = "kept"  # not new any more
Fleet = "fleeet"

[file]
header_line = 3  # a title above
"""


def test_comments_and_order_stay_where_a_remedy_changes_the_mapping() -> None:
    remedy = Remedy(
        "",
        mapping={
            "values": {"plan_code": {"Fleet": "fleet", 'Old "one"': "standard"}},
            "cards": {"remove_separators": ":"},
            "file": {"date_format": "%d.%m.%Y"},
        },
    )

    text = chosen_remedy(upload(COMMENTED), preview(remedy, "Fleet"), 0, 0, "a.toml").mapping

    assert text == COMMENTED.replace('fleeet"\n', 'fleet"\n"Old \\"one\\"" = "standard"\n').replace(
        "printed so\n", 'printed so\nremove_separators = ":"\n'
    ).replace("a title above\n", 'a title above\ndate_format = "%d.%m.%Y"\n')


@pytest.mark.parametrize(
    "mapping",
    [
        'values = { plan_code = { a = "kept" } }  # short\n',
        'values.plan_code.a = "kept"  # dotted\n',
        '# nothing yet\n[fields]\nemail = "Mail"\ndisplay_name = \'Name\'\nexternal_id = "Id"\n'
        'id_tag = "Card"\nplan_code = "Plan"\nstart_date = "Start"\n[[leave_out]]\ncolumn = "x"\n'
        'values = ["y"]\n',
    ],
    ids=["inline", "dotted", "without such a section"],
)
def test_however_a_mapping_is_written_its_comments_stay(mapping: str) -> None:
    remedy = Remedy("", mapping={"values": {"plan_code": {"Fleet": "fleet"}}})

    text = chosen_remedy(upload(mapping), preview(remedy, "Fleet"), 0, 0, "a.toml").mapping or ""

    assert tomllib.loads(text)["values"]["plan_code"]["Fleet"] == "fleet"
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in mapping.splitlines() if "#" in line
    ]


def test_a_key_that_is_read_otherwise_than_it_stands_there_is_not_there_twice() -> None:
    remedy = Remedy("", mapping={"values": {"plan_code": {"Fleet": "fleet"}}})

    told = said('[values.plan_code]\n" Fleet " = "fleeet"\n', remedy, "Fleet")

    assert told == {"values": {"plan_code": {"Fleet": "fleet"}}}


def test_a_plan_of_lagos_is_added_in_the_same_way() -> None:
    change = chosen_plan(upload(), preview(Remedy(""), "Old"), 0, "fleet", "a.toml")

    assert tomllib.loads(change.mapping or "") == {
        "values": {"plan_code": {"a": "a", "new": "new", "Old": "fleet"}}
    }
    assert change.options["mapping_name"] == "a.toml"


def test_separators_are_added_to_those_that_are_removed_already() -> None:
    mapping = '[cards]\nremove_separators = ":"\nupper_case = true\n'

    told = said(mapping, Remedy("", mapping={"cards": {"remove_separators": " :-"}}))

    assert told == {"cards": {"remove_separators": ": -", "upper_case": True}}


def test_a_date_format_takes_the_place_of_the_one_that_was_chosen() -> None:
    remedy = Remedy("", mapping={"file": {"date_format": "%d.%m.%Y"}})

    change = chosen_remedy(upload(), preview(remedy), 0, 0, "a.toml")

    assert change.options["date_format"] == "%d.%m.%Y"


@pytest.mark.parametrize(("option", "value"), [("skip_existing", True), ("accept_invoices_today", "these")])
def test_an_option_is_chosen_as_a_form_chooses_it(option: str, value: object) -> None:
    change = chosen_remedy(upload(), preview(Remedy("", {option: True})), 0, 0, "a.toml")

    assert (change.options, change.mapping) == ({option: value}, None)
