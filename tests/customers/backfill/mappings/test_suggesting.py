"""What is proposed, and what is left to a person."""

import json
import re
import tomllib

import pytest

from customers.backfill.mappings.days_seen import format_of
from customers.backfill.mappings.draft import write_draft
from customers.backfill.mappings.likeness import plans_like
from customers.backfill.mappings.suggesting import Suggestion, suggest
from customers.backfill.mappings.table import look_at
from customers.backfill.source import SourceError, parse_mapping
from customers.backfill.source.mapping.reading import mapping_of
from tests.customers.exports import EXPORTS

PLANS = ("fleet", "night", "standard")


def proposed(columns: dict[str, list[object]], **said: str) -> Suggestion:
    items = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return suggest(look_at("export.json", json.dumps(items).encode()), PLANS, said)


# --- Columns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("Kunden-Nr.", "Vorname", "Nachname", "E-Mail-Adresse", "Ladekarte", "Tarif", "Gültig ab"),
        ("N° client", "Prénom", "Nom", "Adresse e-mail", "Carte RFID", "Formule", "Date de début"),
        ("Klantnummer", "Voornaam", "Achternaam", "E-mailadres", "Laadpas", "Tariefgroep", "Ingangsdatum"),
        ("Código cliente", "Nombre", "Apellidos", "Correo", "Tarjeta", "Tarifa", "Fecha de inicio"),
        ("Codice cliente", "Nome", "Cognome", "Indirizzo e-mail", "Tessera", "Tariffa", "Data inizio"),
        ("Customer number", "First name", "Last name", "Mail", "RFID UID", "Tariff name", "Contract start"),
    ],
    ids=["de", "fr", "nl", "es", "it", "en"],
)
def test_the_usual_words_of_each_language_are_known(names):
    key, first, last, mail, card, plan, start = names
    cells = ["C-7", "Ida", "Nyström", "ida@example.com", "04A1B2C3", "standard", "2024-12-31"]

    found = proposed(dict(zip(names, [[cell] for cell in cells], strict=True)))

    assert found.document["fields"] == {
        "email": mail,
        "display_name": {"columns": [first, last], "joined_with": " "},
        "external_id": key,
        "id_tag": card,
        "plan_code": plan,
        "start_date": start,
    }
    assert found.undecided == ()


@pytest.mark.parametrize(
    ("field", "columns", "rivals"),
    [
        ("external_id", {"Kundennummer": ["1"], "Vertragsnummer": ["2"]}, 2),
        ("external_id", {"Kundennummer": ["1"], "Kundennummer (alt)": ["2"]}, 2),
        ("email", {"Mail": ["a@example.com"], "Rechnung": ["b@example.com"]}, 2),
        ("id_tag", {"Karte": ["04A1B2C3"], "Weitere": ["04:A1:B2:C4"]}, 2),
        ("plan_code", {"Tarif": ["A"], "Neuer Tarif": ["B"]}, 2),
        ("plan_code", {"Gruppe": ["night"]}, 1),
        ("start_date", {"Beginn": ["2024-01-01"], "Kunde seit": ["2020-01-01"]}, 2),
        ("start_date", {"Geändert": ["2024-01-01"]}, 1),
        ("external_id", {"Ort": ["x"]}, 0),
    ],
)  # fmt: skip
def test_where_another_column_may_be_meant_none_is_chosen(field, columns, rivals):
    found = proposed(columns)

    assert field not in found.document.get("fields", {})
    assert ("fields", field) in found.questions
    assert len(found.guesses[field]) == rivals


def test_a_column_of_our_own_name_wins_and_asks_nothing():
    found = proposed({"external_id": ["1"], "Kundennummer": ["2"], "id": ["3"]})

    assert found.document["fields"]["external_id"] == "external_id"


def test_what_is_said_is_looked_into_and_asked_no_more():
    columns: dict[str, list[object]] = {"Gruppe": ["A"], "Tarif": ["B"], "Karte": ["04:A1:B2:C3"]}

    found = proposed(columns, plan_code="Gruppe", id_tag="Karte")

    assert found.document["fields"] == {"id_tag": "Karte", "plan_code": "Gruppe"}
    assert found.tariffs == {"A": ()}


def test_objects_of_json_are_named_and_not_proposed():
    found = proposed({"customer": [{"name": "Ida"}], "name": ["Ida"]})

    assert found.document["fields"]["display_name"] == "name"
    assert found.undecided[0] == "“customer”: a mapping does not look into lists and objects of JSON."


def test_columns_of_one_name_are_never_used():
    table = look_at("a.csv", b"Kundennummer;Mail;KUNDENNUMMER;;\n1;a@example.com;2;b@example.com;x\n")

    found = suggest(table, PLANS)

    assert found.document["fields"] == {"email": "Mail"}


# --- Values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "certain", "ways"),
    [
        (["2024-12-31", "2024-01-02T00:00:00Z"], None, 0),
        (["03.04.2024", "31.12.2024"], "%d.%m.%Y", 0),
        (["03.04.2024", "01.02.2024"], "%d.%m.%Y", 0),
        (["03/04/2024", "12/31/2024"], "%m/%d/%Y", 0),
        (["03/04/2024", "31/12/2024"], "%d/%m/%Y", 0),
        (["03/04/2024", "05/06/2024"], None, 2),
        (["31-12-24"], "%d-%m-%y", 0),
        (["31.12.2024 00:00"], "%d.%m.%Y %H:%M", 0),
    ],
)
def test_a_format_is_certain_only_where_no_other_fits(days, certain, ways):
    (column,) = look_at("a.json", json.dumps([{"Beginn": day} for day in days]).encode()).columns

    found = format_of(column)

    assert (found.certain, len(found.asked[1:])) == (certain, ways)


@pytest.mark.parametrize(
    ("cards", "certain", "asked"),
    [
        (["04A1B2C3", "04A1B2C4"], {}, []),
        (["04:a1:b2:c3"], {"remove_separators": ":", "upper_case": True}, []),
        (["RFID_04A1B2C3"], {"remove_prefixes": ["RFID_"]}, []),
        (["04-A1-B2-C3-D4-E5-80"], {"remove_separators": "-"}, []),
        (["04:A1:B2:C3", "visitor"], {}, ["remove_separators"]),
        (["1234567890", "2345678901"], {}, ["decimal_to_hex"]),
        (["4A1B2C3", "04A1B2C4"], {}, ["pad_to"]),
        (["DE-8PS-1", "DE-8PS-2"], {}, []),
    ],
)
def test_only_a_rewriting_that_keeps_the_card_is_certain(cards, certain, asked):
    found = proposed({"Karte": list(cards)})

    assert found.document.get("cards", {}) == certain
    assert [key[1] for key in found.questions if key[0] == "cards"] == asked


@pytest.mark.parametrize(
    ("tariff", "likely"),
    [
        ("Tarif Nacht (Night)", "night"),
        ("FLEET-2024", "fleet"),
        ("Standard plan", "standard"),
        ("Privat", None),
        ("?", None),
    ],
)
def test_likeness_names_a_plan_and_takes_none(tariff, likely):
    like = plans_like(tariff, PLANS)

    assert (like[0][0] if like else None) == likely
    assert ("values", "plan_code", tariff) in proposed({"Tarif": [tariff]}).questions


def test_an_address_or_a_card_among_tariffs_is_written_nowhere():
    found = proposed({"Tarif": ["Privat", "ida@example.com", "04A1B2C3", "Ida <i@example.com>"]})

    assert set(found.tariffs) == {"Privat"}
    assert "example" not in write_draft(found)
    assert len(found.undecided) == 5 + 3 + 1  # fields, rows, tariffs


def test_as_many_tariffs_as_customers_are_none():
    found = proposed({"Tarif": [f"T{n}" for n in range(300)], "Kundennummer": [f"K{n}" for n in range(300)]})

    assert ("fields", "plan_code") in found.questions
    assert found.tariffs == {}


def test_who_has_left_is_proposed_and_not_left_out():
    found = proposed({"Status": ["aktiv", "gekündigt", "Résilié", "cancelled"], "id": ["1", "2", "3", "4"]})

    assert "leave_out" not in found.document
    assert 'values = ["gekündigt", "Résilié", "cancelled"]' in found.remarks["leave_out",]


@pytest.mark.parametrize(
    ("column", "cells", "named"),
    [
        ("valid", [True, False, True], "false"),
        ("Aktiv", ["ja", "Nein", "ja"], "Nein"),
        ("Gesperrt", ["", "x", ""], "x"),
        ("Statut", ["Actif", "Résiliée", "Annulé par Mme Roy"], "Résiliée"),
        ("valid from", ["no", "no", "no"], ""),
    ],
)
def test_columns_of_yes_and_no_say_who_has_left_too(column, cells, named):
    remarks = proposed({column: cells}).remarks.get(("leave_out",), ())

    assert [line for line in remarks if line.startswith("values")] == (
        [f'values = ["{named}"]'] if named else []
    )


def test_what_stands_between_first_and_last_name_belongs_to_the_name():
    dutch = proposed({"Voornaam": ["Jan"], "Tussenvoegsel": ["van der"], "Achternaam": ["Berg"]})
    spanish = proposed({"Apellido 2": ["Gil"], "Nombre": ["Ana"], "Apellido 1": ["Ruiz"]})

    assert dutch.document["fields"]["display_name"]["columns"] == ["Voornaam", "Tussenvoegsel", "Achternaam"]
    assert spanish.document["fields"]["display_name"]["columns"] == ["Nombre", "Apellido 1", "Apellido 2"]


def test_countries_by_their_names_are_to_be_translated():
    remarks = proposed({"Land": ["Deutschland", "DE"], "Postleitzahl": ["01067", "80331"]}).remarks["fields",]

    assert 'country = "Land"  # perhaps; say in [values.country] what is no code of Lago\'s' in remarks
    assert 'zipcode = "Postleitzahl"  # perhaps' in remarks


@pytest.mark.parametrize(
    "name", ["Sprache", "Language", "Langue", "Taal", "Idioma", "Lingua", "Korrespondenzsprache", "lang"]
)
def test_the_language_is_known_by_its_name_in_each_language(name):
    codes = proposed({name: ["de-AT", "FR"], "Postleitzahl": ["01067", "80331"]}).remarks["fields",]
    words = proposed({name: ["Deutsch", "FR"], "Postleitzahl": ["01067", "80331"]}).remarks["fields",]

    assert f'locale = "{name}"  # perhaps' in codes
    assert f'locale = "{name}"  # perhaps; say in [values.locale] what is no code of a language' in words


# --- The file that is written ------------------------------------------------------------------------

AWKWARD = [
    "[fields]",
    'say "hi"',
    "it's",
    "two\nlines",
    "tab\there",
    "back\\slash",
    "# no",
    "a.b",
    "\x7f",
    "ключ",
    "=",
]


def test_whatever_stands_in_headers_and_tariffs_is_written_so_that_it_reads_back():
    columns: dict[str, list[object]] = {f"Tarif {AWKWARD[3]} {AWKWARD[1]}": list(AWKWARD)}
    columns[f"Kundennummer {AWKWARD[0]}"] = [f"K{n}" for n in range(len(AWKWARD))]

    text = write_draft(proposed(columns))

    document = tomllib.loads(text)
    assert set(document["values"]["plan_code"]) == {one.strip() for one in AWKWARD}
    assert document["fields"]["plan_code"] == next(iter(columns))
    assert document["fields"]["external_id"] == f"Kundennummer {AWKWARD[0]}"


def test_an_unfinished_file_is_refused_with_line_and_key_of_each_question():
    text = write_draft(proposed({"Tarif": ["Alt"], "Beginn": ["03/04/2024"], "Karte": ["1234567890"]}))
    lines = {line.partition(" ")[0]: n for n, line in enumerate(text.splitlines(), 1) if line.endswith('"?"')}

    with pytest.raises(SourceError) as refused:
        parse_mapping("crm.toml", text)

    told = [problem.message for problem in refused.value.problems]
    expected = ["file.date_format", "fields.email", "fields.display_name", "fields.external_id"]
    expected += ["values.plan_code.Alt", "cards.decimal_to_hex"]
    assert told == [
        f"crm.toml: line {lines[key.split('.')[-1]]}: {key}: this is not decided yet." for key in expected
    ]


@pytest.mark.parametrize("make", EXPORTS)
def test_what_is_written_names_no_person_and_no_whole_card(make):
    export = make(30)

    text = write_draft(suggest(look_at(export.name, export.data), PLANS)).casefold()

    people = {value for row in export.rows for value in (row[0], *row[1].split(), row[2], row[3])}
    assert not [value for value in people if value.casefold() in text]
    bare = re.sub(r"[^0-9a-z]", "", text)
    cards = [bytes.fromhex(row[3]) for row in export.rows]
    whole = {f"{int.from_bytes(card)}" for card in cards} | {card.hex() for card in cards}
    assert not [card for card in whole | {card[::-1].hex() for card in cards} if card in bare]


def test_what_is_certain_is_a_mapping():
    found = proposed({"Kundennummer": ["1"], "Mail": ["a@example.com"], "Karte": ["04:A1:B2:C3"]})

    mapping = mapping_of("a.toml", found.document)

    assert mapping.fields["external_id"].columns == ("Kundennummer",)
    assert mapping.cards.remove_separators == ":"
