"""The HTML of a contact sheet: one template, escaped by Jinja2, without script or outside address."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

_SOURCE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --paper: #faf9f6; --mount: #f1efe9; --rim: #dedbd2; --ink: #262522; --faint: #6f6b63; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1b1a18; --mount: #262522; --rim: #3a3834; --ink: #eceae4; --faint: #a39f95; }
}
body { margin: 0; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 400 0.875rem/1.4 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { margin: 0; font-weight: 500; font-size: 1.6rem; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.subtitle { margin: 0.3rem 0 0; color: var(--faint); overflow-wrap: anywhere; }
ol { list-style: none; margin: 2rem 0 0; padding: 0; display: grid; gap: 1.4rem 1.1rem;
  grid-template-columns: repeat(auto-fill, minmax(min({{ tile_px }}px, 40vw), 1fr)); }
figure { margin: 0; }
.mount { aspect-ratio: 1; display: grid; place-items: center; padding: 5%; box-sizing: border-box; border-radius: 5px;
  background: var(--mount); color: var(--faint); }
.mount img { max-width: 100%; max-height: 100%; min-height: 0; min-width: 0; outline: 1px solid var(--rim); }
figcaption { margin-top: 0.45rem; overflow: hidden; }
figcaption span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.note { color: var(--faint); font-size: 0.8rem; }
@media print { body { padding: 0; } figure { break-inside: avoid; } }
</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
{% if subtitle %}<p class="subtitle">{{ subtitle }}</p>{% endif %}
</header>
<main>
<ol>
{% for item in items %}<li><figure>
<div class="mount">{% if item.source %}<img src="{{ item.source }}" alt="{{ item.caption }}" loading="lazy">{% else %}no picture{% endif %}</div>
<figcaption><span title="{{ item.caption }}">{{ item.caption }}</span>{% if item.note %}<span class="note">{{ item.note }}</span>{% endif %}</figcaption>
</figure></li>
{% endfor %}</ol>
</main>
</body>
</html>
"""  # noqa: E501


@lru_cache(maxsize=1)
def template() -> Template:
    """The template; takes title, subtitle, items (source, caption, note) and tile_px."""
    from jinja2 import Environment

    return Environment(autoescape=True, trim_blocks=False).from_string(_SOURCE)
