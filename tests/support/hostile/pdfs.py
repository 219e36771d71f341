"""PDFs: trees and chains that loop, streams that inflate, programs, and wishes to reach for files and the network. ISO 32000-1."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, zeros

_MIB = 2**20
_ANY = (OK, *DAMAGED, *TOO_LARGE, "memory", "timeout", "crashed")
_CATALOG = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>"}
_PLAIN = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]%s>>"


def list_pdfs() -> Iterator[Hostile]:
    yield from _loops()
    yield from _inflating()
    yield from _odd_pages()
    yield from _broken()
    yield from _active()


def _loops() -> Iterator[Hostile]:
    def tree(name: str, weakness: str, objects: Mapping[int, bytes]) -> Hostile:
        return Hostile(f"{name}.pdf", weakness, pdf_of({**_CATALOG, 3: _PLAIN % b"", **objects}), _ANY)

    yield tree("kids", "a tree of pages whose leaf is its root", {2: b"<</Type/Pages/Kids[2 0 R]/Count 1>>"})
    yield tree("parents", "a page that is its own parent", {3: b"<</Type/Page/Parent 3 0 R>>"})
    yield tree(
        "count", "2 thousand million pages, of which one is there", {2: b"<</Type/Pages/Kids[3 0 R]/Count 2147483647>>"}
    )
    yield tree("minus", "minus one pages", {2: b"<</Type/Pages/Kids[3 0 R]/Count -1>>"})
    yield tree(
        "same", "10,000 times the same page", {2: b"<</Type/Pages/Kids[" + b"3 0 R " * 10_000 + b"]/Count 10000>>"}
    )
    deep = {n: b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (n + 1) for n in range(4, 4_000)}
    yield tree(
        "deep",
        "a tree of pages 4,000 levels deep",
        {2: b"<</Type/Pages/Kids[4 0 R]/Count 1>>", **deep, 4_000: _PLAIN % b""},
    )
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>/Length 5>>stream\n/F Do\nendstream"
    drawing = {3: _PLAIN % b"/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>", 4: _stream(b"/F Do")}
    yield tree("form", "a form that draws itself", {**drawing, 5: form})
    doubled = {n: _form(b"/F Do /F Do", n + 1) for n in range(5, 45)}
    yield tree(
        "forms",
        "forty forms, each of which draws the next twice",
        {**drawing, **doubled, 45: _form(b"0 0 9 9 re f", 5)},
    )
    pattern = b"<</Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep .0001/YStep .0001"
    pattern += b"/Resources<</Pattern<</P 5 0 R>>>>/Length 36>>stream\n/Pattern cs /P scn 0 0 9 9 re f      \nendstream"
    painting = {
        3: _PLAIN % b"/Contents 4 0 R/Resources<</Pattern<</P 5 0 R>>>>",
        4: _stream(b"/Pattern cs /P scn 0 0 99 99 re f"),
    }
    yield tree("pattern", "a pattern of itself, a million tiles wide", {**painting, 5: pattern})
    mask = b"<</Type/ExtGState/SMask<</S/Alpha/G 6 0 R>>>>"
    masked = {
        3: _PLAIN % b"/Contents 4 0 R/Resources<</ExtGState<</G 5 0 R>>>>",
        4: _stream(b"/G gs 0 0 99 99 re f"),
        5: mask,
    }
    masked[6] = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Group<</S/Transparency>>"
        b"/Resources<</ExtGState<</G 5 0 R>>>>/Length 5>>stream\n/G gs\nendstream"
    )
    yield tree("mask", "a mask that masks itself", masked)
    font = b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 65/LastChar 65/Widths[9]/CharProcs<</A 6 0 R>>"
    font += b"/Encoding<</Differences[65/A]>>/Resources<</Font<</F 5 0 R>>>>>>"
    written = {
        3: _PLAIN % b"/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>",
        4: _stream(b"BT /F 9 Tf (A) Tj ET"),
        5: font,
    }
    yield tree("letter", "a letter that writes itself", {**written, 6: _stream(b"BT /F 9 Tf (AAAA) Tj ET")})
    yield tree(
        "contents", "contents that are a list of themselves", {3: _PLAIN % b"/Contents 4 0 R", 4: b"[4 0 R 4 0 R]"}
    )
    yield tree(
        "length",
        "a stream whose length is itself",
        {3: _PLAIN % b"/Contents 4 0 R", 4: b"<</Length 4 0 R>>stream\n0 0 9 9 re f\nendstream"},
    )
    yield tree(
        "outline",
        "an outline that follows itself",
        {1: b"<</Type/Catalog/Pages 2 0 R/Outlines 4 0 R>>", 4: b"<</First 4 0 R/Last 4 0 R/Next 4 0 R>>"},
    )
    yield tree("nested", "100,000 lists inside each other", {3: _PLAIN % (b"/X " + b"[" * 100_000 + b"]" * 100_000)})
    yield tree(
        "dicts", "100,000 dictionaries inside each other", {3: _PLAIN % (b"/X " + b"<</X " * 100_000 + b">>" * 100_000)}
    )


def _inflating() -> Iterator[Hostile]:
    for name, weakness, stream in (
        ("inflating", "contents that inflate to 400 MB", b"<</Filter/FlateDecode/Length %d>>"),
        (
            "twice",
            "contents deflated twice, which inflate to 400 MB",
            b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>",
        ),
    ):
        body = zeros(400 * _MIB)
        body = zlib.compress(body, 9) if name == "twice" else body
        objects = {
            **_CATALOG,
            3: _PLAIN % b"/Contents 4 0 R",
            4: stream % len(body) + b"stream\n" + body + b"\nendstream",
        }
        yield Hostile(f"{name}.pdf", weakness, pdf_of(objects), _ANY)
    runs = b"\x81 " * 500_000
    objects = {
        **_CATALOG,
        3: _PLAIN % b"/Contents 4 0 R",
        4: b"<</Filter/RunLengthDecode/Length %d>>stream\n" % len(runs) + runs + b"\nendstream",
    }
    yield Hostile("runs.pdf", "contents of runs that grow to 64 MB", pdf_of(objects), _ANY)
    filters = b"<</Filter[" + b"/ASCIIHexDecode" * 5_000 + b"]/Length 4>>stream\n3030\nendstream"
    yield Hostile(
        "filters.pdf",
        "5,000 filters on one stream",
        pdf_of({**_CATALOG, 3: _PLAIN % b"/Contents 4 0 R", 4: filters}),
        _ANY,
    )
    for name, side, weakness in (
        ("giga", 60_000, "a picture of 3.6 gigapixels on a small page"),
        ("edge", 2**31 - 1, "a picture of 2³¹ × 2³¹"),
    ):
        body = zeros(_MIB)
        picture = (
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode/Length %d>>"
            % (side, side, len(body))
        )
        objects = {
            **_CATALOG,
            3: _PLAIN % b"/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>",
            4: _stream(b"99 0 0 99 0 0 cm /I Do"),
        }
        yield Hostile(
            f"{name}.pdf", weakness, pdf_of({**objects, 5: picture + b"stream\n" + body + b"\nendstream"}), _ANY
        )
    objects = {**_CATALOG, 3: _PLAIN % b"/Contents 4 0 R", 4: _stream(b"0 0 99 99 re f\n" * 30_000)}
    yield Hostile("strokes.pdf", "30,000 rectangles over the whole page", pdf_of(objects), _ANY)
    objects[4] = _stream(b"q " * 500_000)
    yield Hostile("saves.pdf", "500,000 states saved and none restored", pdf_of(objects), _ANY)
    objects[4] = _stream(b"[.00001] 0 d 0 0 m 99 99 l S\n" * 20)
    yield Hostile("dashes.pdf", "a line of ten million dashes", pdf_of(objects), _ANY)
    function = b"<</FunctionType 4/Domain[0 1]/Range[0 1]/Length 12>>stream\n{dup mul dup}\nendstream"
    shading = b"/Contents 4 0 R/Resources<</Shading<</S<</ShadingType 1/Domain[0 1 0 1]/ColorSpace/DeviceGray/Function 5 0 R>>>>>>"
    yield Hostile(
        "shading.pdf",
        "a shading by a program that leaves too much on its stack",
        pdf_of({**_CATALOG, 3: _PLAIN % shading, 4: _stream(b"/S sh"), 5: function}),
        _ANY,
    )


def _odd_pages() -> Iterator[Hostile]:
    for name, weakness, media in (
        ("sea", "a page of 10⁹ points", b"0 0 1000000000 1000000000"),
        ("empty-page", "a page of no size", b"0 0 0 0"),
        ("upside", "a page with its corners the wrong way round", b"99 99 0 0"),
        ("nan", "a page of a size that is no number", b"0 0 nan inf"),
        ("huge-number", "a page of 10³⁰⁰ points", b"0 0 1" + b"0" * 300 + b" 99"),
        ("thread", "a page one point high and a million long", b"0 0 1000000 1"),
        ("no-box", "a page whose size is a word", b"/A /B /C /D"),
    ):
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]>>" % media
        yield Hostile(f"{name}.pdf", weakness, pdf_of({**_CATALOG, 3: page}), _ANY)
    turned = _PLAIN % b"/Rotate 2147483647/UserUnit 100000"
    yield Hostile(
        "turned.pdf", "a page turned by 2³¹ degrees, in units of a kilometre", pdf_of({**_CATALOG, 3: turned}), _ANY
    )


def _broken() -> Iterator[Hostile]:
    good = pdf_of({**_CATALOG, 3: _PLAIN % b""})
    at = good.rindex(b"startxref")
    yield Hostile(
        "prev.pdf",
        "a table of places that follows itself",
        good.replace(b"/Size", b"/Prev %d/Size" % good.rindex(b"xref\n0"), 1),
        _ANY,
    )
    yield Hostile(
        "xref-far.pdf", "a table of places beyond the end", good[:at] + b"startxref\n99999999999\n%%EOF", _ANY
    )
    yield Hostile("xref-minus.pdf", "a table of places before the beginning", good[:at] + b"startxref\n-1\n%%EOF", _ANY)
    yield Hostile(
        "xref-many.pdf", "a table of 4 thousand million places", good.replace(b"xref\n0 4", b"xref\n0 4294967295"), _ANY
    )
    yield Hostile("no-xref.pdf", "no table of places", good[: good.rindex(b"xref\n0")] + b"%%EOF", _ANY)
    yield Hostile("no-end.pdf", "no end", good[:at], ("truncated",))
    yield Hostile("only-head.pdf", "a beginning and an end, and nothing between", b"%PDF-1.7\n%%EOF", _ANY)
    yield Hostile("late.pdf", "a beginning after 1,000 other bytes", b"x" * 1000 + good, _ANY)
    itself = b"<</Type/ObjStm/N 1/First 4/Length 8/Extends 3 0 R>>stream\n3 0 null\nendstream"
    yield Hostile("objects.pdf", "a stream of objects that holds itself", pdf_of({**_CATALOG, 3: itself}), _ANY)
    locked = good.replace(
        b"/Root", b"/Encrypt<</Filter/Standard/V 5/R 6/O(x)/U(x)/P -1/Length 2147483647>>/ID[(a)(b)]/Root"
    )
    yield Hostile("locked.pdf", "encrypted in a way that makes no sense", locked, (*_ANY, "encrypted"))
    yield Hostile("no-catalog.pdf", "a catalog that is a number", pdf_of({**_CATALOG, 1: b"42", 3: _PLAIN % b""}), _ANY)


def _active() -> Iterator[Hostile]:
    """None of these may do anything; the page is drawn as it is."""
    for name, weakness, extra in (
        ("script", "JavaScript at opening", b"/OpenAction<</S/JavaScript/JS(while(1){})>>"),
        ("launch", "a program to be started", b"/OpenAction<</S/Launch/F(/bin/sh)>>"),
        ("address", "an address to be called", b"/OpenAction<</S/URI/URI(http://127.0.0.1:1/)>>"),
        ("submit", "a form to be sent", b"/OpenAction<</S/SubmitForm/F(http://127.0.0.1:1/)>>"),
        ("other", "a page of another file", b"/OpenAction<</S/GoToR/F(/etc/passwd)/D[0/Fit]>>"),
        (
            "xfa",
            "a form of XML with an entity of /etc/passwd",
            b"/AcroForm<</XFA(<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>)/Fields[]>>",
        ),
    ):
        catalog = _CATALOG[1].replace(b">>", extra + b">>")
        yield Hostile(f"{name}.pdf", weakness, pdf_of({**_CATALOG, 1: catalog, 3: _PLAIN % b""}), _ANY)
    outside = b"<</Length 0/F(/etc/passwd)>>stream\n\nendstream"
    yield Hostile(
        "outside.pdf",
        "contents that lie in /etc/passwd",
        pdf_of({**_CATALOG, 3: _PLAIN % b"/Contents 4 0 R", 4: outside}),
        _ANY,
    )


def pdf_of(objects: Mapping[int, bytes]) -> bytes:
    """A PDF of these objects, by number; the first is its catalog."""
    data, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in sorted(objects.items()):
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(data), max(objects) + 1
    data += b"xref\n0 %d\n" % size
    for number in range(size):
        data += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return bytes(data) + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _stream(body: bytes) -> bytes:
    return b"<</Length %d>>stream\n%s\nendstream" % (len(body), body)


def _form(body: bytes, draws: int) -> bytes:
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>/Length %d>>" % (
        draws,
        len(body),
    )
    return head + b"stream\n%s\nendstream" % body
