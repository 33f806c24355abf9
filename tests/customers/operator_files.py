"""Whole files as operators send them, of our own writing: good ones, and one with every defect."""

import csv
import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path

from customers.backfill.source import COLUMNS

NAMES = [
    "Ladewerk Süd & Söhne GmbH",
    "Boulangerie de l'Écluse, Crêpes & Cie",
    "Ενέργεια Αιγαίου Α.Ε.",
    "Żółta Łódź Sp. z o.o.",
    "Čerpací stanice Příbram",
    "Taxi «Синица»",
    "Þjónusta Norðurljós",
    'Garage "De Snelle Stekker"',
    "O'Shaughnessy-Byrne",
    "充電サービス",
    "Verein e. V.; Ortsgruppe Köln",
    "שירותי טעינה",
]
SEED = 20261122
LAST_START = date(2024, 12, 31)


def good_row(number: int, prefix: str = "OP", dice: random.Random | None = None) -> list[str]:
    """Give the cells of customer `number`: the same ones for the same seed."""
    dice = dice or random.Random(number)
    mailbox = f"{prefix.lower()}.{number}@{dice.choice('abc')}.example.com"
    digits = 8 if dice.random() < 0.5 else 14  # cards have four bytes or seven
    return [
        mailbox,
        f"{dice.choice(NAMES)} {number}",
        f"{prefix}-{number:05}",
        f"{number:04X}{dice.getrandbits(4 * (digits - 4)):0{digits - 4}X}",
        dice.choice(["standard", "standard", "fleet", "night"]),
        (LAST_START - timedelta(days=dice.randrange(1400))).isoformat(),
    ]


# What is changed in a good row, and the codes which that has.
DEFECTS: list[tuple[dict[str, str], list[str]]] = [
    ({"email": ""}, ["email_blank"]),
    ({"email": "nobody.example.com"}, ["email_invalid"]),
    ({"email": "info@@example.com"}, ["email_invalid"]),
    ({"email": "info@host"}, ["email_invalid"]),
    ({"email": "The Fleet <fleet@example.com>"}, ["email_invalid"]),
    ({"email": "one@example.com,two@example.com"}, ["email_invalid"]),
    ({"email": "in fo@example.com"}, ["email_invalid"]),
    ({"email": "info@example.com."}, ["email_invalid"]),
    ({"email": "office@twins.example.com"}, ["email_duplicate"]),
    ({"email": "Office@Twins.Example.COM"}, ["email_duplicate"]),
    ({"display_name": " \t "}, ["display_name_blank"]),
    ({"display_name": "Ö" * 256}, ["display_name_too_long"]),
    ({"external_id": ""}, ["external_id_blank"]),
    ({"external_id": "."}, ["external_id_invalid"]),
    ({"external_id": "line\nbreak"}, ["external_id_invalid"]),
    ({"external_id": "7" * 256}, ["external_id_invalid"]),
    ({"external_id": "Kd-7"}, ["external_id_duplicate"]),
    ({"external_id": "KD-7"}, ["external_id_duplicate"]),
    ({"id_tag": ""}, ["id_tag_blank"]),
    ({"id_tag": "0123456789ABCDEF01234"}, ["id_tag_invalid"]),
    ({"id_tag": "04 A1 B2"}, ["id_tag_invalid"]),
    ({"id_tag": "04A1;04A2"}, ["id_tag_invalid"]),
    ({"id_tag": "ŁÓDŹ1234"}, ["id_tag_invalid"]),
    ({"id_tag": "META-0001"}, ["id_tag_reserved"]),
    ({"id_tag": "ocpp-7"}, ["id_tag_reserved"]),
    ({"id_tag": "APP-1"}, ["id_tag_reserved"]),
    ({"id_tag": "QR-22"}, ["id_tag_reserved"]),
    ({"id_tag": "7.4E+11"}, ["id_tag_damaged"]),
    ({"id_tag": "9,01E+15"}, ["id_tag_damaged"]),
    ({"id_tag": "3E+08"}, ["id_tag_damaged"]),
    ({"id_tag": "8675309.0"}, ["id_tag_damaged"]),
    ({"id_tag": "C0FFEE77"}, ["id_tag_duplicate"]),
    ({"id_tag": "c0ffee77"}, ["id_tag_duplicate"]),
    ({"plan_code": ""}, ["plan_code_blank"]),
    ({"plan_code": "STANDARD"}, ["plan_not_found"]),
    ({"plan_code": "flat-rate"}, ["plan_not_found"]),
    ({"plan_code": "night-2"}, ["plan_not_found"]),
    ({"start_date": ""}, ["start_date_blank"]),
    ({"start_date": "24.12.2023"}, ["start_date_invalid"]),
    ({"start_date": "2023-04-31"}, ["start_date_invalid"]),
    ({"start_date": "20230401T"}, ["start_date_invalid"]),
    ({"start_date": "last spring"}, ["start_date_invalid"]),
    ({"start_date": "2023-00-10"}, ["start_date_invalid"]),
    (
        {"email": "-", "id_tag": "!", "plan_code": "none"},
        ["email_invalid", "id_tag_invalid", "plan_not_found"],
    ),
]
GOOD_BEFORE, GOOD_AFTER = 10, 5


def messy(folder: Path) -> tuple[Path, dict[int, list[str]]]:
    """Write a file with every defect among good rows; give its codes by line too."""
    records = [good_row(number, "M") for number in range(1, GOOD_BEFORE + len(DEFECTS) + GOOD_AFTER + 1)]
    codes, line = {}, 2 + GOOD_BEFORE
    for number, (changes, told) in enumerate(DEFECTS, start=GOOD_BEFORE):
        records[number] = [*(dict(zip(COLUMNS, records[number], strict=True)) | changes).values()]
        codes[line] = told
        line += 1 + sum(value.count("\n") for value in changes.values())  # a record may be two lines long
    return _written(folder / "messy.csv", records), codes


def smallest(folder: Path) -> Path:
    return _written(folder / "three.csv", [good_row(number) for number in (1, 2, 3)])


def thousand(folder: Path) -> Path:
    dice = random.Random(SEED)
    records = [good_row(number, "LEGACY", dice) for number in range(1, 1001)]
    return _written(folder / "thousand.csv", records)


def german_thousand(folder: Path) -> Path:
    """Write what Excel makes of such a file in German: semicolons, a byte order mark, CRLF."""
    dice = random.Random(SEED + 1)
    records = [good_row(number, "KD", dice) for number in range(1, 1001)]
    return _written(
        folder / "Kunden.csv", records, delimiter=";", encoding="utf-8-sig", lineterminator="\r\n"
    )


GOOD_FILES: list[Callable[[Path], Path]] = [smallest, thousand, german_thousand]


def _written(
    path: Path,
    records: Iterable[list[str]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    lineterminator: str = "\n",
) -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=lineterminator)
        writer.writerows([COLUMNS, *records])
    return path
