// A wall to look at from afar and from near: one canvas, tiles of the level that fits, coarser ones until those have come.

import { h } from "./dom.js";
import { panZoom } from "./panzoom.js";
import { createTiles } from "./walltiles.js";

/** The side of a page's cell at the deepest level, in px. */
export const CELL_PX = 128;
/** A cell is magnified to this at most. */
const LARGEST_CELL_PX = 512;
/** From here on, cells are large enough to be told apart by the pointer. */
const TELLING_PX = 24;
const SETTLE_MS = 150;

/** @typedef {{columns: number, rows: number, tile_px: number, levels: number, source: string, filter?: string[], version: string}} WallMeta */

/**
 * @param {typeof import("./api.js").api} api
 * @param {WallMeta} meta
 * @param {string|null} by
 * @param {{onOpen: (column: number, row: number) => void, onRest: (view: {x: number, y: number, cellPx: number, zoom: number}) => void}} events
 */
export function createWallViewer(api, meta, by, { onOpen, onRest }) {
  const canvas = h("canvas");
  const keys = h("p", { class: "visually-hidden", id: "wall-keys" }, "Arrow keys move, plus and minus zoom, 0 shows the whole wall, Enter opens the page in the middle.");
  const surface = h("div", { class: "wall-surface", tabindex: 0, role: "application", "aria-label": "Wall of pages", "aria-describedby": "wall-keys" }, canvas);
  const element = h("div", { class: "wall-stage" }, surface, keys);
  const pen = canvas.getContext("2d");
  const tiles = createTiles(api, (level, column, row) => ({ path: `/wall/tiles/${meta.source}/${level}/${column}/${row}`, params: { by, filter: meta.filter, v: meta.version } }), () => redraw());
  let size = { width: 1, height: 1 };
  // The middle of the view in cells, and how many times larger than "all in view" it is.
  const view = { x: meta.columns / 2, y: meta.rows / 2, zoom: 1 };
  let frame = 0;
  let resting = 0;
  /** @type {{column: number, row: number}|null} */
  let marked = null;

  const wholePx = () => 0.97 * Math.min(size.width / meta.columns, size.height / meta.rows);
  const cellPx = () => wholePx() * view.zoom;
  const toCell = (at) => ({ x: view.x + (at.x - size.width / 2) / cellPx(), y: view.y + (at.y - size.height / 2) / cellPx() });

  function redraw() {
    frame ||= requestAnimationFrame(draw);
  }

  function moved() {
    const most = Math.max(LARGEST_CELL_PX / wholePx(), 1);
    view.zoom = Math.min(Math.max(view.zoom, 0.6), most);
    view.x = Math.min(Math.max(view.x, 0), meta.columns);
    view.y = Math.min(Math.max(view.y, 0), meta.rows);
    redraw();
    clearTimeout(resting);
    resting = setTimeout(() => onRest({ ...view, cellPx: cellPx() }), SETTLE_MS);
  }

  function draw() {
    frame = 0;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    const px = cellPx();
    const fitting = meta.levels - 1 + Math.ceil(Math.log2((px * ratio) / CELL_PX) - 0.15);
    const level = Math.min(Math.max(fitting, 0), meta.levels - 1);
    const inView = tilesInView(level, px);
    // The whole wall in one tile comes first: whatever else is missing can be cut from it.
    tiles.want([{ level: 0, column: 0, row: 0 }, ...inView]);
    for (const tile of inView) drawTile(tile, px);
    if (marked && px >= TELLING_PX) outline(marked, px);
  }

  /** Cells along the side of a tile. */
  const cellsAcross = (level) => (meta.tile_px / CELL_PX) * 2 ** (meta.levels - 1 - level);

  function tilesInView(level, px) {
    const across = cellsAcross(level);
    const [first, last] = [toCell({ x: 0, y: 0 }), toCell({ x: size.width, y: size.height })];
    const from = (cell) => Math.max(Math.floor(cell / across), 0);
    const found = [];
    for (let row = from(first.y); row * across < Math.min(last.y, meta.rows); row += 1) {
      for (let column = from(first.x); column * across < Math.min(last.x, meta.columns); column += 1) found.push({ level, column, row });
    }
    const away = ({ column, row }) => Math.hypot((column + 0.5) * across - view.x, (row + 0.5) * across - view.y) * px;
    return found.sort((a, b) => away(a) - away(b));
  }

  /** A tile that has not come is cut from the next coarser one that has. */
  function drawTile({ level, column, row }, px) {
    const side = cellsAcross(level) * px;
    const left = size.width / 2 + column * side - view.x * px;
    const top = size.height / 2 + row * side - view.y * px;
    for (let up = 0; level - up >= 0; up += 1) {
      const tile = tiles.get(level - up, column >> up, row >> up);
      if (!tile) continue;
      const part = tile.width / 2 ** up;
      const [x, y] = [(column % 2 ** up) * part, (row % 2 ** up) * part];
      pen.imageSmoothingQuality = side < part ? "high" : "medium";
      // Half a px more, or fine lines show between tiles.
      pen.drawImage(tile, x, y, part, part, left, top, side + 0.5, side + 0.5);
      return;
    }
  }

  function outline({ column, row }, px) {
    pen.strokeStyle = getComputedStyle(element).getPropertyValue("--rubric");
    pen.lineWidth = 2;
    pen.strokeRect(size.width / 2 + (column - view.x) * px + 1, size.height / 2 + (row - view.y) * px + 1, px - 2, px - 2);
  }

  function cellAt(at) {
    const { x, y } = toCell(at);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    return column >= 0 && row >= 0 && column < meta.columns && row < meta.rows ? { column, row } : null;
  }

  function mark(cell) {
    if (cell?.column === marked?.column && cell?.row === marked?.row) return;
    marked = cell;
    redraw();
  }

  function zoom(factor, at) {
    const before = toCell(at);
    view.zoom *= factor;
    moved();
    const after = toCell(at);
    view.x += before.x - after.x;
    view.y += before.y - after.y;
    moved();
  }

  function open(at) {
    const cell = cellAt(at);
    if (cell) onOpen(cell.column, cell.row);
  }

  const middle = () => ({ x: size.width / 2, y: size.height / 2 });
  function home() {
    Object.assign(view, { x: meta.columns / 2, y: meta.rows / 2, zoom: 1 });
    moved();
  }

  panZoom(surface, {
    pan(dx, dy, event) {
      view.x -= dx / cellPx();
      view.y -= dy / cellPx();
      moved();
      if (event.type === "keydown") mark(cellAt(middle()));
    },
    zoom,
    home,
    double: open,
    // Near enough, one tap is enough; from afar it would open a page that nobody has made out.
    tap: (at) => (cellPx() >= 2 * TELLING_PX ? undefined : mark(cellAt(at))),
    enter: () => open(middle()),
    hover: (at) => mark(at && cellAt(at)),
  });

  const watch = new ResizeObserver(([entry]) => {
    size = { width: Math.max(entry.contentRect.width, 1), height: Math.max(entry.contentRect.height, 1) };
    moved();
    draw();
  });
  watch.observe(surface);

  return {
    element,
    surface,
    zoomBy: (factor) => zoom(factor, middle()),
    home,
    /** @param {{x: number, y: number, zoom: number}} wanted in cells */
    look(wanted) {
      Object.assign(view, wanted);
      moved();
    },
    /** @param {{column: number, row: number}} cell */
    show(cell) {
      if (Math.abs(cell.column + 0.5 - view.x) * cellPx() > size.width / 2 || Math.abs(cell.row + 0.5 - view.y) * cellPx() > size.height / 2) {
        Object.assign(view, { x: cell.column + 0.5, y: cell.row + 0.5 });
      }
      marked = cell;
      moved();
    },
    close() {
      watch.disconnect();
      clearTimeout(resting);
      cancelAnimationFrame(frame);
      tiles.close();
    },
  };
}
