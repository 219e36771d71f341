"""The map as one HTML file that needs nothing else: plotly.js is in it, and so are the places, as binary."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.output.files import written_whole
from indexer.output.palette import NO_VALUE, Colour, hex_of
from indexer.values import Matrix

if TYPE_CHECKING:
    from jinja2 import Template

THUMBNAILS_UP_TO = 2_000
"""Pages up to which their pictures are in the file; at some 3 kB each, 6 MB."""
MOST_NAMES = 200
"""Names that get an entry of their own in the legend; a browser is slow with more, and nobody can tell them apart."""
NONE = 65_535

_SOURCE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
 style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<title>{{ title }}</title>
<style>
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: #fff; color: #26251f;
  font: 400 0.9rem/1.4 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
header { padding: 1rem 1.5rem 0.25rem; }
h1 { margin: 0; font-size: 1.35rem; font-weight: 500; overflow-wrap: anywhere; }
header p { margin: 0.2rem 0 0; color: #6b675f; }
#map { flex: 1; min-height: 0; }
#page { position: fixed; z-index: 5; max-width: 15rem; padding: 0.5rem; pointer-events: none; background: #fff;
  border: 1px solid #dedbd2; border-radius: 6px; box-shadow: 0 3px 14px rgb(0 0 0 / 18%); font-size: 0.8rem; }
#page img { display: block; max-width: 13.5rem; max-height: 13.5rem; margin: 0 auto 0.4rem; }
#page span { display: block; overflow-wrap: anywhere; }
#page .faint { color: #6b675f; }
</style>
</head>
<body>
<header><h1>{{ title }}</h1>{% if subtitle %}<p>{{ subtitle }}</p>{% endif %}</header>
<div id="map" role="img" aria-label="{{ title }}: {{ subtitle }}"></div>
<div id="page" hidden></div>
<script>{{ plotly }}</script>
<script id="data" type="application/json">{{ data }}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const is3d = data.dims === 3;
const number = new Intl.NumberFormat();
// Few dots are crisper as SVG, and need no WebGL, which some machines lack; many are smooth only with it.
const hasWebgl = Boolean(document.createElement("canvas").getContext("webgl"));
const flat = hasWebgl && data.pages > 3000 ? "scattergl" : "scatter";
const traces = data.traces.map((trace) => ({
  type: is3d ? "scatter3d" : flat, mode: "markers", hoverinfo: "none",
  name: `${trace.name} (${number.format(trace.count)})`,
  x: { dtype: "f4", bdata: trace.x }, y: { dtype: "f4", bdata: trace.y }, z: is3d ? { dtype: "f4", bdata: trace.z } : undefined,
  marker: { color: trace.colour, size: data.dot, opacity: data.opacity },
}));
const bare = { visible: false };
const layout = {
  margin: { l: 10, r: 10, t: 36, b: 10 }, hovermode: "closest", dragmode: is3d ? "orbit" : "pan",
  paper_bgcolor: "#fff", plot_bgcolor: "#fff",
  legend: { title: { text: data.legend }, itemsizing: "constant", font: { size: 13 } }, showlegend: true,
  xaxis: bare, yaxis: { ...bare, scaleanchor: "x" }, scene: { xaxis: bare, yaxis: bare, zaxis: bare, aspectmode: "data" },
};
const map = document.getElementById("map");
const page = document.getElementById("page");
const tools = is3d
  ? ["toImage", "orbitRotation", "pan3d", "zoom3d", "resetCameraDefault3d"]
  : ["toImage", "pan2d", "zoom2d", "zoomIn2d", "zoomOut2d", "resetScale2d"];
Plotly.newPlot(map, traces, layout, { responsive: true, scrollZoom: true, displaylogo: false, modeBarButtons: [tools] });
function line(text, faint) {
  const span = document.createElement("span");
  span.textContent = text;
  if (faint) span.className = "faint";
  return span;
}
map.on("plotly_hover", (event) => {
  const point = event.points[0];
  const trace = data.traces[point.curveNumber];
  const at = point.pointNumber;
  page.replaceChildren();
  if (trace.pictures && trace.pictures[at]) {
    const picture = document.createElement("img");
    picture.src = "data:image/webp;base64," + trace.pictures[at];
    picture.alt = "";
    page.append(picture);
  }
  const text = trace.texts[at].split("\\n");
  page.append(line(text[0]), ...text.slice(1).map((words) => line(words, true)));
  page.hidden = false;
  const mouse = event.event || { clientX: innerWidth / 2, clientY: innerHeight / 2 };
  const room = page.getBoundingClientRect();
  page.style.left = Math.max(4, Math.min(mouse.clientX + 16, innerWidth - room.width - 4)) + "px";
  page.style.top = Math.max(4, Math.min(mouse.clientY + 16, innerHeight - room.height - 4)) + "px";
});
map.on("plotly_unhover", () => { page.hidden = true; });
</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True, eq=False)
class MapPages:
    """What hovering shows, for each page in the order of the points: lines of text, the first its path; pictures or none."""

    texts: Sequence[str]
    pictures: Sequence[bytes | None] = field(default_factory=list)


def render_map_html(
    points: Matrix,
    values: NDArray[np.uint16],
    names: Sequence[str],
    colours: Sequence[Colour],
    pages: MapPages,
    *,
    title: str,
    subtitle: str = "",
    legend: str = "",
) -> str:
    """One HTML file; `points` float32 [N, 2 or 3], those with a NaN are left out. `values` uint16 [N] are numbers of `names`.

    `pages.pictures` are WebP files, or empty for a map without pictures.

    Raises:
        UsageError: no page has a place, or the package plotly is not installed.
    """
    shown = np.isfinite(points).all(axis=1)
    if not shown.any():
        raise UsageError("No page has a place on the map: make it anew with `quire map`.")
    groups = [(name, colours[number], shown & (values == number)) for number, name in enumerate(names[:MOST_NAMES])]
    groups.append(
        (f"{len(names) - MOST_NAMES} others", (120, 118, 112), shown & (values >= MOST_NAMES) & (values != NONE))
    )
    groups.append(("none", NO_VALUE, shown & (values == NONE)))
    count = int(shown.sum())
    data = {
        "dims": points.shape[1],
        "pages": count,
        "legend": legend,
        "dot": float(np.clip(260 / count**0.5, 2, 11)) / (1 if points.shape[1] == 2 else 1.5),
        "opacity": 0.85 if count < 20_000 else 0.6,
        "traces": [_trace(name, colour, points, chosen, pages) for name, colour, chosen in groups if chosen.any()],
    }
    return _template().render(
        title=title, subtitle=subtitle, plotly=_markup(_read_plotly()), data=_markup(_json_in_html(data))
    )


def save_map_html(html: str, path: Path) -> None:
    """Write it, whole or not at all."""
    with written_whole(path) as draft:
        draft.write_text(html, encoding="utf-8")


def _trace(name: str, colour: Colour, points: Matrix, chosen: NDArray[np.bool_], pages: MapPages) -> dict[str, object]:
    rows = np.flatnonzero(chosen).tolist()
    trace: dict[str, object] = {
        "name": name,
        "count": len(rows),
        "colour": hex_of(colour),
        "texts": [pages.texts[row] for row in rows],
        **{axis: _packed(points[rows, place]) for place, axis in enumerate(("x", "y", "z")[: points.shape[1]])},
    }
    if pages.pictures:
        found = [pages.pictures[row] for row in rows]
        trace["pictures"] = ["" if data is None else base64.b64encode(data).decode() for data in found]
    return trace


def _packed(column: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(column, dtype="<f4").tobytes()).decode()


def _json_in_html(data: object) -> str:
    """JSON that ends no script element, whatever a path is called."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _markup(text: str) -> object:
    from markupsafe import Markup

    return Markup(text)


@lru_cache(maxsize=1)
def _read_plotly() -> str:
    from importlib.util import find_spec

    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise UsageError("A map as HTML needs the Python package plotly, which brings plotly.js: install it.")
    source = (Path(found.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return source.replace("</script", "<\\/script")


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_SOURCE)
