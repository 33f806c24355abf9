"""A mapping file, and what is wrong in one."""

import pytest

from customers.backfill.source import SourceError, parse_mapping
from customers.backfill.source.mapping.model import Cards, LeaveOut, Origin, Translation
from customers.backfill.source.mapping.writing import write_mapping

WHOLE = """
# of our old system
[file]
header_line = 3
sheet = "Customers"
encoding = "cp1252"
delimiter = ";"
hidden_rows = "leave-out"
date_format = "%d.%m.%Y"
decimal_mark = ","
list = "data"

[fields]
email = "E-Mail"
display_name = { columns = ["First", "Last"], joined_with = " " }
external_id = { column = "No.", numbers = true }
plan_code = { constant = "standard" }

[values.coupon]
"Spring" = "SPRING-10"
"" = ""

[defaults]
coupon = "NONE"

[cards]
remove_prefixes = ["0x"]
remove_separators = ":-"
decimal_to_hex = true
pad_to = 8
reverse_bytes = true
upper_case = true

[[leave_out]]
column = "State"
values = ["ended", "cancelled"]

[[leave_out]]
column = "Kind"
unless = ["customer"]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(SourceError) as refused:
        parse_mapping("old.toml", text)
    assert {problem.code for problem in refused.value.problems} == {"mapping_invalid"}
    return [f"{problem.message} {problem.hint}".strip() for problem in refused.value.problems]


# What is read


def test_all_that_can_be_said_is_read() -> None:
    mapping = parse_mapping("old.toml", WHOLE)

    assert (mapping.form.header_line, mapping.form.sheet, mapping.form.list) == (3, "Customers", "data")
    assert (mapping.form.encoding, mapping.form.delimiter) == ("cp1252", ";")
    assert mapping.fields["display_name"] == Origin(("First", "Last"))
    assert mapping.fields["external_id"] == Origin(("No.",), numbers=True)
    assert mapping.fields["plan_code"] == Origin(constant="standard")
    assert mapping.translations["coupon"] == Translation({"Spring": "SPRING-10", "": ""}, "NONE")
    assert mapping.cards == Cards(("0x",), ":-", True, 8, True, True)
    assert mapping.leave_out == (
        LeaveOut("State", ("ended", "cancelled")),
        LeaveOut("Kind", unless=("customer",)),
    )


def test_what_is_written_is_read_back_and_is_the_same() -> None:
    mapping = parse_mapping("old.toml", WHOLE)

    written = write_mapping(mapping, {(): ["made by hand"], ("fields", "email"): ["where bills go"]})

    assert parse_mapping("old.toml", written) == mapping
    assert "# made by hand" in written
    assert '# where bills go\nemail = "E-Mail"' in written


def test_its_digest_is_of_what_it_says() -> None:
    plain = parse_mapping("a.toml", '[fields]\nemail = "Mail"\nid_tag = "Card"\n')
    other = parse_mapping("b.toml", '# a remark\n[fields]\nid_tag = "Card"\nemail = "Mail"\n')
    another = parse_mapping("a.toml", '[fields]\nemail = "Mail 2"\nid_tag = "Card"\n')

    assert plain.sha256() == other.sha256() != another.sha256()


def test_what_only_looks_like_a_nul_character_is_a_text() -> None:
    mapping = parse_mapping("old.toml", r"""fields.email = 'a\u0000b'""")

    assert mapping.fields["email"].columns == (r"a\u0000b",)


# What is refused, and where it stands


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fields\n", "old.toml: this is not TOML"),
        ('[fields]\nemail = "A"\nemail = "B"\n', "line 3"),
        ("[field]\n", "line 1: field: there is no such key. Did you mean fields?"),
        ('[fields]\n\nplan = "X"\n', "line 3: fields.plan: there is no such key."),
        ('[file]\nheader = 3\n', "line 2: file.header: there is no such key. Did you mean header_line?"),
        ("[file]\nheader_line = 0\n", "line 2: file.header_line: this has to be a whole number from 1 to"),
        ('[file]\ndecimal_mark = ";"\n', "line 2: file.decimal_mark: this has to be . or ,"),
        ('[file]\ndate_format = "%d"\n', "line 2: file.date_format: this has to name year, month and day."),
        ("[fields]\nemail = 3\n", "line 2: fields.email: this has to be a table"),
        ('[fields]\nemail = ""\n', "line 2: fields.email: this is blank."),
        (
            '[fields]\nplan_code = { column = "T", constant = "x" }\n',
            "line 2: fields.plan_code: this needs one of column, columns and constant.",
        ),
        (
            '[fields]\nplan_code = { constant = "x", numbers = true }\n',
            "line 2: fields.plan_code.numbers: this has no meaning beside constant.",
        ),
        (
            '[fields.display_name]\ncolumns = ["A", 3]\n',
            "line 2: fields.display_name.columns: this has to be a list of texts.",
        ),
        ('[fields]\nemail = { constant = "a@b" }\n', "line 2: fields.email.constant: every row would"),
        ('[values.email]\n"a" = "b"\n', "line 1: values.email: there is no such key."),
        ('[values.plan_code]\n"a" = "b"\n" a" = "c"\n', "line 3: values.plan_code.“ a”: this value is named"),
        ('[defaults]\nplan_code = "x"\n', "line 2: defaults.plan_code: a default is for what [values]"),
        ('[cards]\nremove_separators = "0:"\n', "line 2: cards.remove_separators: letters and digits are no"),
        ('[cards]\nupper_case = "yes"\n', "line 2: cards.upper_case: this has to be true or false."),
        ("[file]\nheader_line = " + "9" * 4_400, "a number in it has too many digits."),
        ("a" + ".a" * 100 + " = 1\n", "this is nested too deeply."),
        ('[fields]\nemail = "a\\u0000b"\n', "a NUL character is in it, which no column, value or code has."),
        ('[cards]\nremove_prefixes = ["RFID_", " "]\n', "line 2: cards.remove_prefixes: a prefix is blank."),
        (
            '[fields]\ndisplay_name = { columns = ["A", "a "] }\n',
            "line 2: fields.display_name.columns: a column is named twice.",
        ),
        (
            '[[leave_out]]\ncolumn = "A"\nvalues = ["x"]\n[[leave_out]]\ncolumn = "A"\nvalues = []\n',
            "line 6: leave_out.2.values: this has to be a list of texts.",
        ),
        ('[leave_out]\ncolumn = "A"\n', "line 1: leave_out: this has to be a list of tables."),
        ('[[leave_out]]\ncolumn = "A"\n', "line 1: leave_out.1: this needs either values or unless."),
        ("a = " + "[" * 5000, "old.toml: this is"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_key(text: str, told: str) -> None:
    assert any(told in problem for problem in problems(text)), problems(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(problems('[fields]\nmail = "A"\n[file]\nheader_line = "x"\n[cards]\nfoo = 1\n')) == 3
