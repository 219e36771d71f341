// The filmstrip: a stream's pages in reading order, gathered into documents. Only what is near the window exists, so ten
// thousand pages scroll like ten.

import { api } from "./api.js";
import { h, svg } from "./dom.js";
import { count, counted } from "./format.js";
import { pageName, percent } from "./stream.js";

/** In pixels, as filmstrip.css has them. */
const CELL = 78;
const JOIN = 18;
const BREAK = 40;
const DOUBT = 34;
const EDGE = 24;
const OVERSCAN = 600;

/**
 * @param {ReturnType<typeof import("./stream.js").createStream>} stream
 * @param {(position: number) => void} onChoose a break was chosen
 */
export function createFilmstrip(stream, onChoose) {
  /** Where each page begins. */
  let lefts = new Float64Array(0);
  let chosen = -1;
  let waiting = 0;
  /** @type {Map<string, HTMLElement>} */
  let shown = new Map();
  const canvas = h("div", { class: "strip-canvas" });
  const element = h("div", { class: "strip", role: "group", "aria-label": "Filmstrip: all breaks of the stream", on: { scroll: later, keydown: moveFocus } }, canvas);
  const overview = createOverview(stream, (share) => {
    element.scrollLeft = share * lefts[lefts.length - 1] - element.clientWidth / 2;
  });
  const resized = new ResizeObserver(later);
  resized.observe(element);

  function later() {
    waiting ||= requestAnimationFrame(draw);
  }

  /** The proposal has changed. */
  function update() {
    const { pages, breaks } = stream.get();
    lefts = new Float64Array(pages.length + 1);
    lefts[0] = EDGE;
    for (let i = 0; i < pages.length; i += 1) lefts[i + 1] = lefts[i] + CELL + (i < breaks.length ? gap(i) : EDGE);
    canvas.style.setProperty("--width", `${lefts[pages.length]}px`);
    overview.update();
    later();
  }

  const gap = (i) => (stream.get().breaks[i].is_break ? BREAK : stream.certainty(i) === "doubtful" ? DOUBT : JOIN);

  function draw() {
    waiting = 0;
    const { pages, breaks, documents } = stream.get();
    const first = Math.max(pageAt(lefts, element.scrollLeft - OVERSCAN), 0);
    const last = Math.min(pageAt(lefts, element.scrollLeft + element.clientWidth + OVERSCAN), pages.length - 1);
    /** @type {Map<string, HTMLElement>} */
    const kept = new Map();
    for (let d = stream.documentOf(first); d < documents.length && documents[d].first <= last; d += 1) {
      const one = documents[d];
      // A document of a thousand pages is only as much of an element as can be seen.
      const from = Math.max(one.first, first);
      const to = Math.min(one.last, last);
      const key = `${pages[one.first].page_id} ${d} ${one.first} ${one.last} ${from} ${to}`;
      kept.set(`d ${key}`, shown.get(`d ${key}`) ?? documentBand(one, d));
      for (let i = from; i <= to; i += 1) {
        const cell = shown.get(`p ${pages[i].page_id}`) ?? pageCell(i);
        cell.style.setProperty("--left", `${lefts[i]}px`);
        cell.dataset.at = String(i);
        kept.set(`p ${pages[i].page_id}`, cell);
        if (i < breaks.length) kept.set(`b ${breaks[i].after}`, breakMark(i, shown.get(`b ${breaks[i].after}`)));
      }
    }
    for (const [key, old] of shown) if (kept.get(key) !== old) old.remove();
    // Append only what is new: moving a focused element would drop its focus.
    for (const one of kept.values()) if (!one.isConnected) canvas.append(one);
    shown = kept;
    overview.window(element.scrollLeft / lefts[pages.length], element.clientWidth / lefts[pages.length]);
  }

  function documentBand({ first, last }, d) {
    const size = last - first + 1;
    const left = lefts[first] - 8;
    return h(
      "div",
      { class: "strip-document", "aria-hidden": "true", vars: { "--left": `${left}px`, "--width": `${lefts[last] + CELL + 8 - left}px` } },
      h("span", { class: "strip-caption" }, h("b", {}, count(d + 1)), size === 1 && d > 998 ? null : ` · ${counted(size, "page")}`),
    );
  }

  function pageCell(i) {
    const page = stream.get().pages[i];
    const img = h("img", { alt: "", decoding: "async", draggable: "false" });
    img.addEventListener("error", () => img.classList.add("broken"));
    api.showPicture(img, `/pages/${page.page_id}/thumbnail`);
    const cell = h("div", { class: page.blank ? "strip-page strip-blank" : "strip-page", "aria-hidden": "true", title: pageName(page) }, img);
    cell.addEventListener("click", () => {
      const at = Number(cell.dataset.at);
      // Of the two breaks beside a page, the one that is not chosen yet: clicking goes on through the strip.
      onChoose(Math.min(at === chosen && at > 0 ? at - 1 : at, stream.get().breaks.length - 1));
    });
    return cell;
  }

  /** @param {number} i @param {HTMLElement|undefined} known */
  function breakMark(i, known) {
    const one = stream.get().breaks[i];
    const mark = known ?? h("button", { type: "button", class: "strip-break", on: { click: (event) => onChoose(Number(event.currentTarget.dataset.at)) } }, h("span", { class: "strip-thread" }), h("span", { class: "strip-chance" }));
    const certainty = stream.certainty(i);
    mark.dataset.at = String(i);
    mark.dataset.certainty = certainty;
    mark.dataset.kind = one.is_break ? "break" : "join";
    mark.tabIndex = i === chosen ? 0 : -1;
    mark.toggleAttribute("aria-current", i === chosen);
    mark.setAttribute("aria-label", breakWords(stream, i));
    mark.lastElementChild.textContent = certainty === "doubtful" ? String(Math.round(100 * one.probability)) : "";
    mark.style.setProperty("--left", `${lefts[i] + CELL}px`);
    mark.style.setProperty("--width", `${gap(i)}px`);
    return mark;
  }

  /** The arrow keys, here, go from break to break without leaving the strip. */
  function moveFocus(event) {
    const here = Number(event.target.dataset?.at ?? NaN);
    const last = stream.get().breaks.length - 1;
    const wanted = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: last }[event.key];
    if (wanted === undefined || Number.isNaN(here) || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    onChoose(Math.min(Math.max(wanted, 0), last));
    canvas.querySelector(`.strip-break[data-at="${chosen}"]`)?.focus({ preventScroll: true });
  }

  /** @param {number} i */
  function choose(i) {
    chosen = i;
    const middle = lefts[i] + CELL + (lefts[i + 1] - lefts[i] - CELL) / 2;
    element.scrollLeft = middle - element.clientWidth / 2;
    overview.choose(i);
    cancelAnimationFrame(waiting);
    draw();
  }

  return { element, overview: overview.element, update, choose, close: () => resized.disconnect() };
}

/** What a break is, in words. @param {ReturnType<typeof import("./stream.js").createStream>} stream @param {number} i */
export function breakWords(stream, i) {
  const { pages, breaks } = stream.get();
  const one = breaks[i];
  const what = one.is_break ? "a cut" : "joined";
  const how = { decided: `decided by ${one.who ?? "a rule"}`, sure: "proposed, sure", doubtful: `proposed, doubtful, ${percent(one.probability)} for a cut` }[stream.certainty(i)];
  return `Between ${pageName(pages[i])} and ${pageName(pages[i + 1])}: ${what}, ${how}`;
}

/** The last page that begins at or before x. */
function pageAt(lefts, x) {
  let [low, high] = [0, lefts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lefts[middle] <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Lines in the overview at most; in longer streams each stands for several breaks, as high as its share of them. */
const LINES = 400;

/** The whole stream as one line, with its doubtful breaks; a click goes there. */
function createOverview(stream, onGo) {
  const path = (name) => svg("path", { class: `overview-${name}`, "vector-effect": "non-scaling-stroke" });
  const [decided, doubtful, here] = ["decided", "doubtful", "here"].map(path);
  const sight = svg("rect", { class: "overview-window", y: 0, height: 10 });
  const element = svg("svg", { class: "overview", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }, sight, decided, doubtful, here);
  const go = (event) => {
    const box = element.getBoundingClientRect();
    onGo((event.clientX - box.left) / box.width);
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    go(event);
  });
  element.addEventListener("pointermove", (event) => event.buttons && go(event));
  const at = (i) => ((1000 * (i + 1)) / stream.get().pages.length).toFixed(2);
  return {
    element,
    update() {
      const { breaks } = stream.get();
      const bins = Math.min(breaks.length, LINES);
      const counts = { decided: new Float64Array(bins), sure: new Float64Array(bins), doubtful: new Float64Array(bins) };
      breaks.forEach((_, i) => (counts[stream.certainty(i)][Math.floor((i * bins) / breaks.length)] += bins / breaks.length));
      const line = (share, bin) => (share ? `M${at(((bin + 0.5) * breaks.length) / bins - 0.5)} 10V${(10 - 10 * Math.min(share, 1)).toFixed(1)}` : "");
      decided.setAttribute("d", Array.from(counts.decided, line).join(""));
      doubtful.setAttribute("d", Array.from(counts.doubtful, line).join(""));
    },
    choose: (i) => here.setAttribute("d", `M${at(i)} 0V10`),
    window(from, share) {
      sight.setAttribute("x", String(1000 * from));
      sight.setAttribute("width", String(1000 * Math.min(share, 1)));
    },
  };
}
