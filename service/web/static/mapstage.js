// The map itself: dots, pictures when near, a card for the page under the pointer, and the line of the lasso.

import { h } from "./dom.js";
import { createCamera, eachPoint, inside, inView, nearest, toMap, toScreen, zoomAt, pxPerUnit } from "./mapcamera.js";
import { colourValues, texels } from "./mapcolours.js";
import { createDots } from "./mapgl.js";
import { createHoverCard } from "./maphover.js";
import { createPictures, PICTURES_MOST } from "./mappictures.js";
import { panZoom } from "./panzoom.js";

const REACH_PX = 14;
/** Pictures come and go when the view has been still for so long, and positions are told to the address. */
const SETTLE_MS = 140;
const TURN_PER_PX = 0.008;

/** The size of a dot where `pages` are shown. */
const dotPx = (pages, zoom) => Math.min((pages < 500 ? 8 : pages < 5000 ? 6 : pages < 40_000 ? 4 : pages < 300_000 ? 2.6 : 1.8) * zoom ** 0.25, 13);

/**
 * @param {NonNullable<Awaited<ReturnType<typeof import("./mapdata.js").loadMap>>>} map
 * @param {typeof import("./api.js").api} api
 * @param {{pageOf: (i: number) => Promise<import("./types.js").Page|undefined>, onOpen: (i: number, near: number[]) => void, onSelect: (indices: number[], polygon: {x: number, y: number}[]) => void, onMove: (camera: import("./mapcamera.js").Camera) => void, onView: (total: number) => void}} events
 */
export function createStage(map, api, { pageOf, onOpen, onSelect, onMove, onView }) {
  const { places, extent, idOf, meta } = map;
  const deep = meta.dims === 3;
  const pages = places.length / 3;
  const canvas = h("canvas", { class: "map-dots" });
  const line = h("canvas", { class: "map-line" });
  const pictures = createPictures(api, idOf);
  const hint = h("p", { class: "visually-hidden", id: "map-keys" }, "Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the page nearest to the middle. Select in view and the legend do what the lasso does.");
  const surface = h("div", { class: "map-surface", tabindex: 0, role: "application", "aria-label": "Map of the pages", "aria-describedby": "map-keys" }, canvas, pictures.element, line);
  const hover = createHoverCard(api, pageOf, (i) => colours[state.values[i]]?.css);
  const element = h("div", { class: "map-stage" }, surface, hint, hover.element);
  const dots = createDots(canvas, places, deep);
  const state = { places, values: new Uint16Array(pages), shown: Uint8Array.of(1) };
  let camera = createCamera(extent, meta.dims);
  let size = { width: 1, height: 1 };
  let colours = [{ css: "#808080", shape: 0 }];
  let given = { names: [], colours: [] };
  let picked = null;
  let tool = "move";
  let frame = 0;
  let settling = 0;
  let near = null;

  const theme = () => (document.documentElement.dataset.theme === "dark" ? "dark" : "light");

  function paint() {
    frame = 0;
    dots.draw(camera, size, dotPx(pages, camera.zoom));
    if (near) showPictures();
  }

  function redraw() {
    frame ||= requestAnimationFrame(paint);
  }

  function moved() {
    hover.hide();
    redraw();
    clearTimeout(settling);
    settling = setTimeout(settle, SETTLE_MS);
  }

  function settle() {
    const { total, found } = inView(state, camera, size, PICTURES_MOST);
    near = total > 0 && total <= PICTURES_MOST ? new Set(found.map(({ i }) => i)) : null;
    if (near) showPictures();
    else pictures.clear();
    element.classList.toggle("near", Boolean(near));
    onView(total);
    onMove(camera);
  }

  function showPictures() {
    const { found } = inView(state, camera, size, 4 * PICTURES_MOST);
    const some = found.filter(({ i }) => near.has(i));
    pictures.show(some, pictures.sizeFor(some.length, size), (i) => ({ css: colours[state.values[i]].css, faint: picked !== null && !picked[i] }));
  }

  function recolour() {
    colours = colourValues(given, theme());
    dots.setColours(texels(colours, state.shown));
    redraw();
  }

  const reach = () => (near ? Math.max(pictures.sizeFor(near.size, size) / 2, REACH_PX) : REACH_PX);

  function open(at, within) {
    const i = nearest(state, camera, size, at, within);
    if (i >= 0) onOpen(i, nearby(i));
  }

  /** The 24 nearest of those in view, the nearest first. */
  function nearby(chosen) {
    let middle = null;
    eachPoint(state, camera, size, (i, x, y) => {
      if (i === chosen) middle = { x, y };
    });
    const { found } = inView(state, camera, size, 5000);
    const away = (one) => (one.x - middle.x) ** 2 + (one.y - middle.y) ** 2;
    return found.filter(({ i }) => i !== chosen).sort((a, b) => away(a) - away(b)).slice(0, 24).map(({ i }) => i);
  }

  function drawLine(path) {
    const ratio = window.devicePixelRatio || 1;
    [line.width, line.height] = [size.width * ratio, size.height * ratio];
    if (path.length < 2) return;
    const pen = line.getContext("2d");
    const ink = getComputedStyle(element).getPropertyValue("--rubric");
    pen.scale(ratio, ratio);
    pen.beginPath();
    path.forEach(({ x, y }) => pen.lineTo(x, y));
    pen.closePath();
    pen.fillStyle = pen.strokeStyle = ink;
    pen.globalAlpha = 0.1;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  const shapeOf = (path) => (tool === "box" ? corners(path[0], path[path.length - 1]) : path);

  panZoom(surface, {
    pan(dx, dy, event) {
      if (deep && !event.shiftKey) {
        camera.yaw += dx * TURN_PER_PX;
        camera.pitch = Math.max(-1.57, Math.min(1.57, camera.pitch + dy * TURN_PER_PX));
      } else {
        camera.x -= dx / pxPerUnit(camera, size);
        camera.y -= dy / pxPerUnit(camera, size);
      }
      moved();
    },
    zoom(factor, at) {
      zoomAt(camera, size, factor, at);
      moved();
    },
    home() {
      camera = createCamera(extent, meta.dims);
      moved();
    },
    tap: (at) => open(at, reach()),
    enter: () => open({ x: size.width / 2, y: size.height / 2 }, Infinity),
    hover(at) {
      hover.track(at, at ? () => nearest(state, camera, size, at, reach()) : null, size);
    },
    draws: () => tool !== "move",
    draw(path, done) {
      const shape = path.length > 1 ? shapeOf(path) : [];
      drawLine(done ? [] : shape);
      if (done) onSelect(inside(state, camera, size, shape), shape.map((at) => toMap(camera, size, at)));
    },
  });

  const watchSize = new ResizeObserver(([entry]) => {
    size = { width: Math.max(entry.contentRect.width, 1), height: Math.max(entry.contentRect.height, 1) };
    moved();
    // At once, so that a changed canvas is never shown empty.
    paint();
  });
  watchSize.observe(surface);
  const watchTheme = new MutationObserver(recolour);
  watchTheme.observe(document.documentElement, { attributeFilter: ["data-theme"] });

  return {
    element,
    surface,
    /** @param {import("./mapdata.js").Colours} wanted @param {Set<string>} hidden */
    setColours(wanted, hidden) {
      given = wanted;
      state.values = given.values;
      dots.setValues(given.values);
      this.setHidden(hidden);
    },
    /** @param {Set<string>} hidden names of values; "" for pages without one */
    setHidden(hidden) {
      state.shown = Uint8Array.from([...given.names, ""], (name) => Number(!hidden.has(name)));
      recolour();
      moved();
    },
    colours: () => colours,
    /** @param {number[]|null} indices */
    setPicked(indices) {
      picked = indices ? new Uint8Array(pages) : null;
      for (const i of indices ?? []) picked[i] = 1;
      dots.setPicked(picked);
      moved();
    },
    /** @param {"move"|"lasso"|"box"} wanted */
    setTool(wanted) {
      tool = wanted;
      surface.dataset.tool = wanted;
    },
    /** @param {Partial<import("./mapcamera.js").Camera>} wanted */
    look(wanted) {
      camera = { ...createCamera(extent, meta.dims), ...wanted };
      moved();
    },
    zoom: (factor) => (zoomAt(camera, size, factor, { x: size.width / 2, y: size.height / 2 }), moved()),
    home: () => ((camera = createCamera(extent, meta.dims)), moved()),
    /** The points inside a polygon in map units. */
    within: (polygon) => inside(state, camera, size, polygon.map((at) => toScreen(camera, size, at))),
    inView: () => inView(state, camera, size, Infinity).found.map(({ i }) => i),
    close() {
      watchSize.disconnect();
      watchTheme.disconnect();
      clearTimeout(settling);
      cancelAnimationFrame(frame);
      hover.hide();
      dots.close();
    },
  };
}

const corners = (a, b) => [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
