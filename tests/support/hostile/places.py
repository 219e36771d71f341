"""What is hostile about a place in the file system: names, links, things that are no files. Made in a folder; POSIX only."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from support.scans import encoded, four_corners, write

OK = ("ok",)


@dataclass(frozen=True, slots=True)
class Place:
    """`listed` is how the report calls it, relative to the folder; None for what is passed over in silence, as hidden files are."""

    listed: str | None
    weakness: str
    codes: tuple[str, ...]


def make_places(folder: Path, *, outside: Path) -> list[Place]:
    """Fill `folder`; links lead to `outside`, a folder with a good `page.png`."""
    page = encoded(four_corners(), "PNG")
    write(outside / "page.png", page)
    return [*_make_names(folder, page), *_make_links(folder, page, outside), *_make_things(folder, page)]


def _make_names(folder: Path, page: bytes) -> list[Place]:
    unsafe = {
        "line\nbreak.png": ("a line break in the name", "line\\nbreak.png"),
        "return\r.png": ("a carriage return, which hides what is before it", "return\\r.png"),
        "bell\x07.png": ("a bell", "bell\\x07.png"),
        "\x1b[31mred.png": ("a colour for the terminal", "\\x1b[31mred.png"),
        "c1\x9b31m.png": ("a colour by a control character of 8 bits", "c1\\x9b31m.png"),
        "para\u2029graph.png": ("a separator of paragraphs", "para\\u2029graph.png"),
    }
    plain = {
        "a" * 251 + ".png": "255 bytes of name",
        "é" * 125 + ".png": "254 bytes of name in 129 letters",
        "right\u202egnp.exe.png": "letters that run from right to left, so that it seems to end otherwise",
        "zero\u200bwidth.png": "a space that is not seen",
        "-rf.png": "a name that looks like an option",
        "$(reboot).png": "a name that a shell would run",
        "%2e%2e%2f.png": "a name that a server might decode",
        "..png.png": "two dots at the beginning, and yet no way up",
        "'; DROP TABLE pages; --.png": "a name that a database would run",
        "<img src=x onerror=alert(1)>.png": "a name that a page would run",
        "=cmd|' C'!A0.png": "a name that a spreadsheet would run",
        "CON.png": "a name that Windows keeps for itself",
        "space .png": "a space before the dot",
        "🖼️.png": "a picture for a name",
        "p1.PnG": "letters of both cases",
    }
    places = []
    for name, (weakness, listed) in unsafe.items():
        write(folder / name, page)
        places.append(Place(listed, weakness, ("name",)))
    for name, weakness in plain.items():
        write(folder / name, page)
        # names that begin with a dot are hidden files
        places.append(Place(None if name.startswith(".") else name, weakness, OK))
    (folder / os.fsdecode(b"latin\xe9.png")).write_bytes(page)
    places.append(Place("latin\\xe9.png", "a name in Latin-1", ("name",)))
    write(folder / "line\nfolder" / "p.png", page)
    places.append(Place("line\\nfolder", "a folder with a line break in its name", ("name",)))
    deep = folder.joinpath(*["d"] * 200)
    write(deep / "deep.png", page)
    places.append(Place((deep / "deep.png").relative_to(folder).as_posix(), "two hundred folders deep", OK))
    return places


def _make_links(folder: Path, page: bytes, outside: Path) -> list[Place]:
    write(folder / "real.png", page)
    links = {
        "out.png": (outside / "page.png", "a link out of the root", ("link",)),
        "passwd.png": (Path("/etc/passwd"), "a link to /etc/passwd", ("link",)),
        "zero.png": (Path("/dev/zero"), "a link to a device without end", ("link",)),
        "memory.png": (Path("/proc/self/mem"), "a link to the memory of whoever reads it", ("link",)),
        "dangling.png": (Path("nowhere.png"), "a link to nothing", ("link",)),
        "itself.png": (Path("itself.png"), "a link to itself", ("link",)),
        "again.png": (Path("real.png"), "a link to a page under its own name", ("link",)),
        "up": (Path(".."), "a link to the folder above", ("link",)),
        "here": (Path(), "a link to its own folder", ("link",)),
        "away": (outside, "a link to a folder outside", ("link",)),
        "root": (Path("/"), "a link to everything", ("link",)),
    }
    for name, (target, _, _) in links.items():
        (folder / name).symlink_to(target)
    os.link(folder / "real.png", folder / "twice.png")
    return [
        *(Place(name, weakness, codes) for name, (_, weakness, codes) in links.items()),
        Place("real.png", "a page to which others lead", OK),
        Place("twice.png", "the same file under a second name", OK),
    ]


def _make_things(folder: Path, page: bytes) -> list[Place]:
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # such a name may only be 108 bytes long
        try:
            listener.bind("socket.png")
        finally:
            os.chdir(here)
    (folder / "folder.png").mkdir()
    write(folder / "folder.png" / "inside.png", page)
    (folder / "empty.png").touch()
    with (folder / "sparse.tif").open("wb") as file:
        file.write(b"II*\0\x08\0\0\0")
        file.truncate(3 * 2**40)
    write(folder / ".hidden.png", page)
    places = [
        Place("pipe.png", "a pipe that nobody writes to", ("not-a-file",)),
        Place("socket.png", "a socket", ("not-a-file",)),
        Place("folder.png/inside.png", "a folder that is called like a picture", OK),
        Place("empty.png", "no bytes at all", ("empty",)),
        Place("sparse.tif", "3 TB that take no room", ("too-large",)),
        Place(None, "a hidden file", ()),
    ]
    if os.geteuid() == 0:
        os.mknod(folder / "device.png", 0o020666, os.makedev(1, 5))
        places.append(Place("device.png", "a device without end", ("not-a-file",)))
    else:
        write(folder / "secret.png", page).chmod(0)
        places.append(Place("secret.png", "a file that may not be read", ("permission",)))
    return places
