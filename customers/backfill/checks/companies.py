"""Companies that are several customers of a file: one bill for each, where perhaps one was meant."""

from collections.abc import Iterable, Iterator, Sequence

from customers.backfill.checks.damage import is_placeholder
from customers.backfill.source import SourceRow
from kernel import Problem
from kernel.invoice_columns import LEGAL_NAME, TAX_ID
from kernel.wording import counted, some_of

_COLUMNS = (LEGAL_NAME.name, TAX_ID.name)
_LEAST = 3  # letters and digits; "-" and "no" are no company
_NO_COMPANY = frozenset(("private", "privat", "privatkunde", "keine", "unbekannt"))
_COMPANIES_NAMED = 3
_CUSTOMERS_NAMED = 3


class SharedCompanies:
    """Remarks, once for the file, on customers with one name of a company, or one number for taxes.

    Capitals and blanks make no difference, nor does punctuation in a number. Names are not told.
    """

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self._shared: set[str] = set()  # what several customers have

    def watching(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """Pass rows on. Of what one customer has alone no more than a number is held, for a large file."""
        for row in rows:
            keys = _keys(row)
            if keys and (external_id := _external_id(row)):
                owner = hash(external_id)
                self._shared.update(k for k in keys if self._owners.setdefault(hash(k), owner) != owner)
            yield row

    def told(self, rows: Iterable[SourceRow]) -> list[Problem]:
        """Tell of it; `rows` are those that went by, and are gone through only if there is anything."""
        return _remark(_companies(rows, self._shared))


def shared_companies(rows: Sequence[SourceRow]) -> list[Problem]:
    found = SharedCompanies()
    for _ in found.watching(rows):
        pass
    return found.told(rows)


def _remark(companies: Sequence[Sequence[str]]) -> list[Problem]:
    if not companies:
        return []
    customers = sum(len(ids) for ids in companies)
    one = len(companies) == 1
    what = "1 company is" if one else f"{len(companies):,} companies are"
    named = "; ".join(some_of(ids, _CUSTOMERS_NAMED) for ids in companies[:_COMPANIES_NAMED])
    told = (
        f"By the name of the company or its tax number, {what} {counted(customers, 'customer')} of this file,"
        f" each with a subscription and invoices of its own: {'' if one else 'for example '}{named}."
    )
    hint = "If the company pays for all, give its rows one external_id, address and name. Else leave it."
    return [Problem("company_several_customers", LEGAL_NAME.name, told, hint)]


def _companies(rows: Iterable[SourceRow], shared: set[str]) -> list[list[str]]:
    """Put together who has one name or number in common, also by way of a third; in the order of the file."""
    if not shared:
        return []
    by_key: dict[str, str] = {}
    leaders: dict[str, str] = {}
    written: dict[str, str] = {}
    for row in rows:
        external_id = _external_id(row)
        for key in _keys(row) if external_id else ():
            if key in shared:
                written.setdefault(external_id, row.values.external_id.strip())
                _join(leaders, by_key.setdefault(key, external_id), external_id)
    found: dict[str, list[str]] = {}
    for external_id, name in written.items():
        found.setdefault(_leader(leaders, external_id), []).append(name)
    return [ids for ids in found.values() if len(ids) > 1]


def _join(leaders: dict[str, str], one: str, other: str) -> None:
    leaders[_leader(leaders, other)] = _leader(leaders, one)


def _leader(leaders: dict[str, str], external_id: str) -> str:
    while (leader := leaders.setdefault(external_id, external_id)) != external_id:
        leaders[external_id] = leaders.setdefault(leader, leader)
        external_id = leader
    return external_id


def _keys(row: SourceRow) -> list[str]:
    return [*_known(row)] if row.more else []


def _known(row: SourceRow) -> Iterator[str]:
    for column in _COLUMNS:
        value = row.more.get(column, "").casefold()
        plain = "".join(value.split()) if column == LEGAL_NAME.name else "".join(filter(str.isalnum, value))
        if sum(map(str.isalnum, plain)) >= _LEAST and not (plain in _NO_COMPANY or is_placeholder(value)):
            yield f"{column} {plain}"


def _external_id(row: SourceRow) -> str:
    return row.values.external_id.strip().casefold()
