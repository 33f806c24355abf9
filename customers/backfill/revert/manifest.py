"""Read the last attempt of a manifest back, as the report of whoever did it would say."""

from collections.abc import Iterable
from dataclasses import dataclass

from customers.backfill.ledger.log_reading import Values, parse
from customers.backfill.revert.records import Line
from customers.backfill.revert.report import Came


@dataclass(slots=True)
class Manifest(Came):
    """What came of it; `status` is blank while it is under way."""

    status: str = ""


def read_manifest(texts: Iterable[str]) -> Manifest:
    """Read lines that come in pieces; what came before the last first line is another attempt's."""
    manifest = Manifest()
    for text in texts:
        for line in text.splitlines():
            read = parse(line)
            if read is None:
                continue
            if "revert" in read[2]:
                manifest = Manifest()
            _take(manifest, read[2])
    return manifest


def _take(manifest: Manifest, values: Values) -> None:
    if "line" in values:
        manifest.hear(_line(values))
    elif "status" in values:
        manifest.status, manifest.reason = values["status"], values.get("reason", "")
        manifest.seconds = float(values["seconds"])


def _line(values: Values) -> Line:
    return Line(
        int(values["line"]), values["external_id"], values["step"], values["outcome"],
        values.get("why", ""), values.get("code", ""), in_use="in_use" in values,
    )  # fmt: skip
