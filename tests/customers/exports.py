"""Three exports of different make, of our own invention, and what each means in our six columns.

`python -m tests.customers.exports` writes those in examples/exports anew.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl

from customers.backfill.source import COLUMNS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "exports"
CUSTOMERS = 240
SEED = 16
FIRST = [
    "Alva",
    "Bärbel",
    "Cäcilie",
    "Dörte",
    "Emil",
    "Frøya",
    "Gökhan",
    "Hélène",
    "Ines",
    "Jörg",
    "Käthe",
    "Lászlo",
    "Märta",
    "Noël",
    "Özlem",
]
LAST = [
    "Steckermann",
    "Ladner",
    "Stromberg",
    "Wallbö",
    "Kabelius",
    "Ampère",
    "Voltén",
    "Zählner",
    "Netzle",
    "Akkumann",
]
LAST_START = date(2025, 12, 1)


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    first: str
    last: str
    uid: int  # of the card
    tariff: int  # one of three
    start: date
    has_left: bool

    @property
    def email(self) -> str:
        return f"kunde{self.number}@example.com"


@dataclass(frozen=True, slots=True)
class Export:
    """An export, the six columns that it means, and what an operator changes in the proposed mapping.

    `edits`: by what stands in the proposal (each once), what the operator writes instead.
    """

    name: str
    data: bytes
    rows: Sequence[Sequence[str]]
    edits: Mapping[str, str]

    def finish(self, proposal: str) -> str:
        for old, new in self.edits.items():
            assert proposal.count(old) == 1, (old, proposal)
            proposal = proposal.replace(old, new)
        return proposal

    def by_hand(self) -> str:
        """Give the same as a file of our own columns."""
        text = io.StringIO()
        csv.writer(text).writerows([COLUMNS, *self.rows])
        return text.getvalue()


def people(number: int) -> list[Person]:
    dice = random.Random(SEED)
    return [
        Person(
            number=1000 + n,
            first=dice.choice(FIRST),
            last=dice.choice(LAST),
            uid=0x04000000 + dice.getrandbits(16) * 1009 + n,
            tariff=n % 3,
            start=LAST_START - timedelta(days=dice.randrange(900)),
            has_left=n % 11 == 7,
        )
        for n in range(1, number + 1)
    ]


def german_crm(number: int = CUSTOMERS) -> Export:
    """A CRM: semicolons, cp1252, first and last name, tariffs by name, cards with colons."""
    some, tariffs = people(number), ("Tarif Privat", "Gewerbe „Nacht“", "Flotte (Fleet)")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [
            "Kunden-Nr.",
            "Vorname",
            "Nachname",
            "E-Mail",
            "Ladekarte",
            "Tarif",
            "Vertragsbeginn",
            "Status",
            "Preis",
        ]
    )
    for one in some:
        card = ":".join(f"{byte:02x}" for byte in one.uid.to_bytes(4, "big"))
        status = "gekündigt" if one.has_left else "aktiv"
        began = f"{one.start:%d.%m.%Y}"
        tariff = tariffs[one.tariff]
        writer.writerow(
            [f"K-{one.number}", one.first, one.last, one.email, card, tariff, began, status, "12,50"]
        )
    plans = ("standard", "night", "fleet")
    rows = [
        [
            one.email,
            f"{one.first} {one.last}",
            f"K-{one.number}",
            f"{one.uid:08X}",
            plans[one.tariff],
            f"{one.start}",
        ]
        for one in some
        if not one.has_left
    ]
    edits = {
        'encoding = "?"': 'encoding = "cp1252"',
        '"Tarif Privat" = "?"': '"Tarif Privat" = "standard"',
        '"Gewerbe „Nacht“" = "?"': '"Gewerbe „Nacht“" = "night"',
        '"Flotte (Fleet)" = "?"': '"Flotte (Fleet)" = "fleet"',
        "# [[leave_out]]": "[[leave_out]]",
        '# column = "Status"': 'column = "Status"',
        '# values = ["gekündigt"]': 'values = ["gekündigt"]',
    }
    return Export("crm-kunden.csv", text.getvalue().encode("cp1252"), rows, edits)


def platform_tokens(number: int = CUSTOMERS) -> Export:
    """A charging platform's list of tokens: JSON with the list under a name of its own, decimal UIDs."""
    some, groups = people(number), ("standard", "night", "Company cars")
    items = [
        {
            "token_uid": str(one.uid),
            "contract_id": f"XX-EXA-C{one.number:08}-1",
            "customer_number": f"P{one.number}",
            "customer_name": f"{one.first} {one.last}",
            "email": one.email,
            "price_group": groups[one.tariff],
            "valid_from": f"{one.start}",
            "last_seen": {"charge_box": "EXAMPLE-1"},
        }
        for one in some
    ]
    document = {"meta": {"total": number, "page": 1}, "data": items}
    plans = ("standard", "night", "fleet")
    rows = [
        [
            one.email,
            f"{one.first} {one.last}",
            f"P{one.number}",
            f"{one.uid:08X}",
            plans[one.tariff],
            f"{one.start}",
        ]
        for one in some
    ]
    edits = {
        'external_id = "?"': 'external_id = "customer_number"',
        'decimal_to_hex = "?"': "decimal_to_hex = true",
        '"Company cars" = "?"': '"Company cars" = "fleet"',
    }
    data = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return Export("platform-tokens.json", data, rows, edits)


def billing_subscriptions(number: int = CUSTOMERS) -> Export:
    """A billing system's subscriptions: a workbook with a title, numbers as keys, and real dates."""
    some, plans = people(number), ("Standard plan", "Night plan", "fleet")
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active["A1"] = "Exported for the auditors."
    sheet = book.create_sheet("Subscriptions")
    sheet.append(["Subscriptions as of 2025-12-31"])
    sheet.append([])
    sheet.append(
        ["Customer no.", "Customer name", "Billing e-mail", "RFID", "Plan", "Plan price", "Contract start"]
    )
    for one in some:
        values: list[Any] = [one.number, f"{one.first} {one.last}", one.email, f"{one.uid:08X}"]
        sheet.append([*values, plans[one.tariff], 12.5, one.start])
    target = io.BytesIO()
    book.save(target)
    codes = ("standard", "night", "fleet")
    rows = [
        [
            one.email,
            f"{one.first} {one.last}",
            f"{one.number}",
            f"{one.uid:08X}",
            codes[one.tariff],
            f"{one.start}",
        ]
        for one in some
    ]
    edits = {
        'numbers = "?"': "numbers = true",
        '"Standard plan" = "?"': '"Standard plan" = "standard"',
        '"Night plan" = "?"': '"Night plan" = "night"',
    }
    return Export("billing-subscriptions.xlsx", target.getvalue(), rows, edits)


EXPORTS: Sequence[Callable[..., Export]] = (german_crm, platform_tokens, billing_subscriptions)


def write_examples() -> None:
    EXAMPLES.mkdir(exist_ok=True)
    for make in EXPORTS:
        export = make()
        (EXAMPLES / export.name).write_bytes(export.data)


if __name__ == "__main__":
    write_examples()
