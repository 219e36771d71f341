// The desk: the two pages on either side of a break, large, and what is to be said of the break between them.

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { count, counted } from "./format.js";
import { openLightbox } from "./lightbox.js";
import { pageName, percent } from "./stream.js";

const SIDE_PX = 1200;
/** Pages kept with their pictures, so that going back and forth costs nothing. */
const KEPT = 24;

/**
 * @param {ReturnType<typeof import("./stream.js").createStream>} stream
 * @param {{decide: (decision: import("./stream.js").Decision) => void, back: () => void, forward: () => void, undo: () => void}} actions
 */
export function createDesk(stream, actions) {
  /** Pages with their pictures, the longest unused first. @type {Map<string, HTMLElement>} */
  const sheets = new Map();
  const before = h("div", { class: "desk-before", "aria-hidden": "true" });
  const after = h("div", { class: "desk-after", "aria-hidden": "true" });
  const left = h("div", { class: "desk-slot" });
  const right = h("div", { class: "desk-slot" });
  const soon = h("div", { class: "desk-soon", "aria-hidden": "true", inert: true });
  const verdict = createVerdict(actions);
  const element = h("section", { class: "desk", tabindex: -1, "aria-label": "The break under review" }, side("left", before, left), verdict.element, side("right", right, after), soon);

  function sheetOf(page) {
    const known = sheets.get(page.page_id) ?? largeSheet(page);
    sheets.delete(page.page_id);
    sheets.set(page.page_id, known);
    for (const [id, old] of sheets) {
      if (sheets.size <= KEPT) break;
      sheets.delete(id);
      if (old.parentElement === soon) old.remove();
    }
    return known;
  }

  function neighbours(into, pages) {
    into.replaceChildren(...pages.map((page) => h("div", { class: "desk-neighbour" }, picture(page, "thumbnail"))));
  }

  return {
    element,
    /** @param {number} i the break between page i and page i + 1 */
    show(i) {
      const { pages } = stream.get();
      left.replaceChildren(sheetOf(pages[i]), captionOf(stream, i));
      right.replaceChildren(sheetOf(pages[i + 1]), captionOf(stream, i + 1));
      neighbours(before, pages.slice(Math.max(i - 2, 0), i));
      neighbours(after, pages.slice(i + 2, i + 4));
      verdict.show(stream, i);
    },
    /** Fetch the pictures that will probably be wanted next. @param {number[]} breaks */
    prepare(breaks) {
      const { pages } = stream.get();
      const wanted = breaks.flatMap((i) => [pages[i], pages[i + 1]]).map(sheetOf);
      soon.replaceChildren(...wanted.filter((sheet) => !sheet.isConnected || sheet.parentElement === soon));
    },
  };
}

const side = (name, ...children) => h("div", { class: `desk-side desk-${name}` }, ...children);

function picture(page, kind, alt = "") {
  const img = h("img", { alt, decoding: "async", draggable: "false" });
  img.addEventListener("error", () => img.classList.add("broken"));
  api.showPicture(img, `/pages/${page.page_id}/${kind}`);
  return img;
}

/** The thumbnail tells the shape and is there at once; the large picture is laid over it when it comes. */
function largeSheet(page) {
  const small = picture(page, "thumbnail");
  const large = picture(page, `image?side_px=${SIDE_PX}`, pageName(page));
  const sheet = h("button", { type: "button", class: "desk-sheet", "aria-label": `Look closely at ${pageName(page)}`, on: { click: () => lookClosely(page) } }, small, large);
  for (const img of [small, large]) {
    img.addEventListener("load", () => sheet.style.setProperty("--ratio", (img.naturalWidth / img.naturalHeight).toFixed(4)));
  }
  large.addEventListener("load", () => sheet.classList.add("loaded"));
  return sheet;
}

async function lookClosely(page) {
  openLightbox([{ page: await api.get(`/pages/${page.page_id}`) }], 0);
}

function captionOf(stream, i) {
  const { pages, documents } = stream.get();
  const d = stream.documentOf(i);
  const { first, last } = documents[d];
  const place = first === last ? "its only page" : `page ${count(i - first + 1)} of ${count(last - first + 1)}`;
  const said = [...(pages[i].blank ? ["blank"] : []), ...pages[i].flags.filter((flag) => flag !== "blank")];
  return h(
    "p",
    { class: "desk-caption" },
    h("span", { class: "desk-name", title: pages[i].path }, pageName(pages[i])),
    h("span", { class: "hint" }, [`document ${count(d + 1)}, ${place}`, ...said].join(" · ")),
  );
}

/** What is proposed or decided, how certain that is, and the buttons. */
function createVerdict({ decide, back, forward, undo }) {
  const state = h("p", { class: "verdict-state" });
  const chance = h("p", { class: "verdict-chance" });
  const words = h("p", { class: "hint" });
  const mark = h("span", { class: "verdict-mark" });
  const line = h("div", { class: "verdict-line", "aria-hidden": "true" }, mark);
  const ends = h("div", { class: "verdict-ends", "aria-hidden": "true" }, h("span", {}, "one document"), h("span", {}, "two"));
  const choice = (name, key, decision) => h("button", { type: "button", class: "button verdict-choice", "aria-keyshortcuts": key, on: { click: () => decide(decision) } }, h("span", {}, name), h("kbd", {}, key));
  const join = choice("Join", "j", "join");
  const cut = choice("Cut", "c", "break");
  const reopen = h("button", { type: "button", class: "button button-quiet verdict-reopen", on: { click: () => decide(null) } }, "Leave open");
  const step = (name, kind, key, run) => h("button", { type: "button", class: "button button-quiet icon-button", "aria-label": name, "aria-keyshortcuts": key, title: `${name} (${key})`, on: { click: run } }, icon(kind));
  const element = h(
    "div",
    { class: "verdict" },
    state,
    chance,
    words,
    line,
    ends,
    h("div", { class: "verdict-choices" }, join, cut),
    reopen,
    h(
      "div",
      { class: "verdict-steps" },
      step("Previous break", "left", "p", back),
      h("button", { type: "button", class: "button button-quiet", "aria-keyshortcuts": "u", on: { click: undo } }, "Undo ", h("kbd", {}, "u")),
      step("Next doubtful break", "right", "n", forward),
    ),
  );
  return {
    element,
    show(stream, i) {
      const one = stream.get().breaks[i];
      const certainty = stream.certainty(i);
      element.dataset.certainty = certainty;
      element.dataset.kind = one.is_break ? "break" : "join";
      state.textContent = { decided: `Decided by ${one.who ?? "a rule"}`, sure: "Proposed, sure", doubtful: "Doubtful" }[certainty];
      chance.textContent = one.decided ? (one.is_break ? "Cut" : "Joined") : percent(one.probability);
      words.textContent = one.decided ? (one.is_break ? "A new document begins here." : "These two belong together.") : "that a new document begins here";
      line.style.setProperty("--at", `${100 * one.probability}%`);
      for (const [button, decision] of [[join, "join"], [cut, "break"]]) {
        const proposed = !one.decided && (decision === "break") === one.is_break;
        button.classList.toggle("button-primary", proposed);
        button.setAttribute("aria-pressed", String(one.decided === decision));
        button.lastElementChild.textContent = proposed ? "Enter" : decision === "break" ? "c" : "j";
        button.setAttribute("aria-label", `${decision === "break" ? "Cut" : "Join"}${proposed ? ", as proposed" : ""}`);
      }
      reopen.hidden = !one.decided || !one.who;
    },
  };
}

/** Where one stands, for people who listen. @param {ReturnType<typeof import("./stream.js").createStream>} stream */
export function remainingWords(stream) {
  const left = stream.remaining();
  return left ? `${counted(left, "doubtful break")} ${left === 1 ? "remains" : "remain"}` : "No doubtful break remains";
}
