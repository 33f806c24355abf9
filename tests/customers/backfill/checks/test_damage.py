"""Signs of damage: what a spreadsheet, a database or a wrong encoding leaves, and what is only unusual."""

import pytest

from customers.backfill.checks.damage import damage_in_id, damage_in_name, damage_in_text
from kernel import Problem

EVERYWHERE = [
    "#N/A",
    "#REF!",
    "#NV",
    "#WERT!",
    "#¿NOMBRE?",
    "#DIV/0!",
    "#Н/Д",
    "#ЗНАЧ!",
    "#N/D",
    "########",
    "Err:502",
    "Loading...",
    "Wird geladen…",
    "[object Object]",
    "System.Object[]",
    "{{first_name}}",
    "NULL",
    "null",
    r"\N",
    "nan",
    "NaN",
    "None",
    "N/A",
    "n/a",
    "-",
    "--",
    "undefined",
    "(null)",
    "<NA>",
    "undefined undefined",
    "TRUE",
    "WAHR",
    "K\ufffd-77",
    "JÃ¼rgen",
    "MÃ¶ttl",
    "JÃœRGEN",
    "J√ºrgen",
    "Dvo≈ô√°k",
    "M&uuml;ller",
    "O&#39;Brien",
    "Müller <br/> GmbH",
    r"O\'Brien",
    "CRM-6101_x000D_",
    "0x005F_FFFF",
    "Per\u200bson",
    "Per\u00adson",
    "Per\u202eson",
    "\ufeffPerson",
    "Петр Ivanоv",
    '="000125"',
    '"CRM-1200"',
    "'000127",
    "2026-03-12",
    "2026-03-12 00:00:00",
    "08:30:00",
    "4.04112E+12",
    "10423,0",
    "10423.0",
    "Dec-10",
]

IN_IDS = [
    "4E+12",
    "10-Dec",
    "1-Mar",
    "01. Mrz",
    "10-dic",
    "déc-10",
    "31.12.2024",
    "03/01/2025",
    "3/1/25",
    "СRM-1702",
    "А-100B",
    "CRM-\u0661\u0667\u0660\u0663",
    "CRM–1709",
    "ＣRM-1",
    "VERDADERO",
    "_",
    '="x"',
]

SOUND_IDS = [
    "КЛ-1001",
    "КЛ-1001-EU",
    "04E12345",
    "5E09",
    "DEC-10",
    "MAR-01",
    "12-MAR",
    "CRM-1042",
    "1234",
    "000125",
    "A-1",
    "12-34",
    "3.14.15",
    "10.5",
    "AT&T-1",
    "Müller-7",
    "e12",
    "DE-8AA-C123",
    "2025-0001",
    "12-34-2024",
    "x1",
    "客户-12",
    "Mar-123",
    "Dec-101",
    "Err-12",
    "a_x_1",
    "0x04A1B2",
    "10/2024",
    "K.1001",
    "user#4",
]

SOUND_NAMES = [
    "O'Brien",
    "AT&T",
    "'t Hart",
    "'s-Gravenhage BV",
    "Jürgen Größe",
    "CAFÉ–BAR",
    "José’s",
    "Vero",
    "Nordsee Fleet",
    "Müller & Söhne",
    "Łódź",
    "Åse Ång",
    "Stadtwerke 2024",
    "1. FC Köln",
    "João",
    "D’Angelo",
    "Ivan (Ваня)",
    "Q&A",
    "Ärzte–Haus",
    "Σ Corp",
    "IRMÃ DULCE",
    "24/7 Fitness",
    "Nataša Šarić",
    "Nguyễn Văn Ánh",
    "علی\u200cرضا",
    "#1 Taxi",
    "#Hashtag GmbH",
    "A/B Co",
    '"Die Zwei" GmbH',
    "Wer? GmbH",
    "Mark & Ann <3",
    "Nulla Grace",
    "Noner",
    "Dez Müller",
    "May 2 Ltd",
    "4711",
]


def codes(*found: Problem | None) -> set[str]:
    return {problem.code if problem else "" for problem in found}


@pytest.mark.parametrize("value", EVERYWHERE + IN_IDS)
def test_damage_shows_in_both_ids(value: str) -> None:
    assert codes(damage_in_id("external_id", value), damage_in_id("id_tag", value)) == {"value_damaged"}


@pytest.mark.parametrize("value", EVERYWHERE)
def test_damage_shows_in_a_name(value: str) -> None:
    assert codes(damage_in_name(value)) == {"value_damaged"}


@pytest.mark.parametrize("value", SOUND_IDS)
def test_an_id_that_is_only_unusual_is_sound(value: str) -> None:
    assert damage_in_id("external_id", value) is None


@pytest.mark.parametrize("value", SOUND_NAMES)
def test_a_name_that_is_only_unusual_is_sound(value: str) -> None:
    assert damage_in_name(value) is None


@pytest.mark.parametrize(
    "value", ["4.9E+10", "1067.0", "-", "='01067'", "'0171 5", "Àííà", "#N/A", "_x000D_"]
)
def test_damage_shows_in_other_texts(value: str) -> None:
    assert damage_in_text("phone", value)


@pytest.mark.parametrize(
    "value", ["'s-Hertogenbosch", "12-10", "1.000", "+49 171/5", "12 B", "Nº 5, 2.ª", "01067"]
)
def test_another_text_that_is_only_unusual_is_sound(value: str) -> None:
    assert damage_in_text("address_line1", value) is None


@pytest.mark.parametrize(
    ("name", "codec"), [("Анна Иванова", "cp1251"), ("Γιώργος", "cp1253"), ("Анна", "koi8-r")]
)
def test_an_alphabet_that_was_read_as_another_shows_in_a_name(name: str, codec: str) -> None:
    assert damage_in_name(name.encode(codec).decode("latin-1"))


def test_a_name_from_a_cell_that_is_no_text_is_looked_at() -> None:
    assert codes(damage_in_name("4711", is_text=False)) == {"value_damaged"}


def test_neither_a_name_nor_a_whole_card_is_shown() -> None:
    told = [damage_in_name("Person _x000D_"), damage_in_id("id_tag", "0461A0B1_x000D_")]

    assert all(
        problem and "0461A" not in problem.message and "Person" not in problem.message for problem in told
    )


@pytest.mark.parametrize("name", ["May 12", "Mai 2024", "null 12", "NaN 3", "undefined 1"])
def test_a_word_and_a_number_may_be_a_day_or_no_name(name: str) -> None:
    assert codes(damage_in_name(name)) == {"value_damaged"}


@pytest.mark.parametrize("name", ["Garage 12", "Customer 4711", "True 12"])
def test_a_word_and_a_number_may_be_a_name(name: str) -> None:
    assert damage_in_name(name) is None
