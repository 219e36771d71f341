"""A report as one HTML file: figures, tables and pictures in it, without script or outside address."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.output.files import written_whole

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of text under headings; columns but the first are set to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """A PNG and what it shows."""

    title: str
    png: bytes


_SOURCE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --paper: #faf9f6; --rim: #dedbd2; --ink: #262522; --faint: #6f6b63; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1b1a18; --rim: #3a3834; --ink: #eceae4; --faint: #a39f95; }
}
body { margin: 0 auto; max-width: 72rem; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 400 0.95rem/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { margin: 0; font-weight: 500; font-size: 1.7rem; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 0.6rem; font-weight: 500; font-size: 1.15rem; }
.subtitle { margin: 0.3rem 0 0; color: var(--faint); overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: 1.2rem 2.5rem; margin: 2rem 0 0; }
dt { color: var(--faint); font-size: 0.85rem; }
dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
dd small { color: var(--faint); font-size: 0.85rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 1.2rem 0.3rem 0; border-bottom: 1px solid var(--rim); text-align: right; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 400; }
img { display: block; max-width: 100%; background: #fff; border: 1px solid var(--rim); border-radius: 4px; }
ul { color: var(--faint); padding-left: 1.2rem; }
</style>
</head>
<body>
<header><h1>{{ title }}</h1><p class="subtitle">{{ subtitle }}</p></header>
<main>
<dl>{% for name, value, note in figures %}<div><dt>{{ name }}</dt><dd>{{ value }} <small>{{ note }}</small></dd></div>{% endfor %}</dl>
{% for picture in pictures %}<h2>{{ picture.title }}</h2>
<img src="{{ picture.source }}" alt="{{ picture.title }}">
{% endfor %}{% for table in tables %}<h2>{{ table.title }}</h2>
<table><thead><tr>{% for column in table.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
{% endfor %}{% if notes %}<h2>Notes</h2><ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
</main>
</body>
</html>
"""


def render_report_html(
    *,
    title: str,
    subtitle: str,
    figures: Sequence[tuple[str, str, str]],
    pictures: Sequence[ReportPicture],
    tables: Sequence[ReportTable],
    notes: Sequence[str] = (),
) -> str:
    """The file's text. `figures` are name, value and a note on it, shown large on top."""
    shown = [
        {"title": one.title, "source": f"data:image/png;base64,{base64.b64encode(one.png).decode()}"}
        for one in pictures
    ]
    return _template().render(
        title=title, subtitle=subtitle, figures=figures, pictures=shown, tables=tables, notes=notes
    )


def save_report_html(html: str, path: Path) -> None:
    """Write it, whole or not at all."""
    with written_whole(path) as draft:
        draft.write_text(html, encoding="utf-8")


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_SOURCE)
