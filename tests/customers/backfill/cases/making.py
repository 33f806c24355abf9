"""Files as other programs write them, by hand: what no library of ours would write."""

import io
import zipfile
from collections.abc import Mapping, Sequence

from customers.backfill.source import COLUMNS
from tests.customers.backfill.files import ROW

Cell = str  # a text, or the XML of a cell, which begins with <

_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
# The styles of cells: 0 none, 1 a day, 2 six digits with leading zeros, 3 per cent, 4 a day and a time.
_STYLES = (
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="000000"/></numFmts><cellXfs>'
    + "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 164, 9, 22))
    + "</cellXfs>"
)


def good(number: int = 1, **changes: Cell) -> list[Cell]:
    """Give the cells of a good row, another customer for each number, with some of them changed."""
    cells = dict(zip(COLUMNS, ROW, strict=True))
    cells |= {
        "email": f"ann{number}@example.com",
        "external_id": f"CRM-{1000 + number}",
        "id_tag": f"04A1B2C{number:X}",
    }
    return list((cells | changes).values())


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


# --- Office Open XML ---------------------------------------------------------------------------------


def sheet(
    *rows: Sequence[Cell], head: Sequence[Cell] = COLUMNS, row_attributes: Mapping[int, str] = {}
) -> str:
    """Give the XML of the rows of a sheet, the header first."""
    return "".join(
        f'<row r="{number}" {row_attributes.get(number, "")}>'
        f"{''.join(_cell(number, place, cell) for place, cell in enumerate(cells))}</row>"
        for number, cells in enumerate([head, *rows], start=1)
    )


def _cell(number: int, place: int, cell: Cell) -> str:
    where = f"{chr(65 + place)}{number}"
    if cell.startswith("<c"):
        return cell.replace("<c", f'<c r="{where}"', 1)
    return f'<c r="{where}" t="inlineStr"><is><t>{cell}</t></is></c>' if cell else ""


def xlsx(
    rows: str, *, columns: str = "", after: str = "", more: Mapping[str, tuple[str, str]] = {},
    strings: str = "", book: str = "", state: str = "visible",
) -> bytes:  # fmt: skip
    """Make a workbook of the rows of its first sheet; `more` are others: their state and rows, by name."""
    sheets = {"Sheet 1": (state, f"{columns}<sheetData>{rows}</sheetData>{after}")}
    sheets |= {name: (its, f"<sheetData>{other}</sheetData>") for name, (its, other) in more.items()}
    named = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="s{n}" state="{its}"/>'
        for n, (name, (its, _)) in enumerate(sheets.items(), start=1)
    )
    links = "".join(
        f'<Relationship Id="s{n}" Type="{_RELATIONS}/worksheet" Target="sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="st" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    links += f'<Relationship Id="ss" Type="{_RELATIONS}/sharedStrings" Target="strings.xml"/>'
    return zipped(
        {
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="b" Type="{_RELATIONS}/'
            'officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATIONS}">{book}'
            f"<sheets>{named}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>',
            "xl/styles.xml": f'<styleSheet xmlns="{_SPREADSHEET}">{_STYLES}</styleSheet>',
            "xl/strings.xml": f'<sst xmlns="{_SPREADSHEET}">{strings}</sst>',
            **{
                f"xl/sheet{n}.xml": f'<worksheet xmlns="{_SPREADSHEET}">{content}</worksheet>'
                for n, (_, content) in enumerate(sheets.values(), start=1)
            },
        }
    )


# --- OpenDocument ------------------------------------------------------------------------------------

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_SPACES = " ".join(
    f'xmlns:{short}="{_NAMESPACE}{short}:1.0"' for short in ("office", "table", "text", "style")
)
_HIDDEN_STYLE = (
    '<office:automatic-styles><style:style style:name="unseen" style:family="table">'
    '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
)


def ods_sheet(
    *rows: Sequence[Cell], head: Sequence[Cell] = COLUMNS, name: str = "Sheet 1", hidden: bool = False,
    columns: str = "", row_attributes: Mapping[int, str] = {},
) -> str:  # fmt: skip
    style = ' table:style-name="unseen"' if hidden else ""
    written = "".join(
        f"<table:table-row {row_attributes.get(number, '')}>"
        f"{''.join(map(_ods_cell, cells))}</table:table-row>"
        for number, cells in enumerate([head, *rows], start=1)
    )
    return f'<table:table table:name="{name}"{style}>{columns}{written}</table:table>'


def _ods_cell(cell: Cell) -> str:
    if cell.startswith("<table:"):
        return cell
    return f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'


def ods(*sheets: str, manifest: str = "") -> bytes:
    content = (
        f"<office:document-content {_SPACES}>{_HIDDEN_STYLE}<office:body><office:spreadsheet>"
        f"{''.join(sheets)}</office:spreadsheet></office:body></office:document-content>"
    )
    members = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content}
    return zipped(members | ({"META-INF/manifest.xml": manifest} if manifest else {}))
