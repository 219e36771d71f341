// Pages chosen in a grid, and what can be done with all of them at once.

import { api } from "./api.js";
import { listGroups, movePages, sayRescan } from "./decide.js";
import { sheetMenu } from "./sheets.js";
import { announce, h, icon } from "./dom.js";
import { counted } from "./format.js";

/**
 * @typedef {object} Picks
 * @property {HTMLElement} element the bar; hidden while nothing is chosen
 * @property {(pageId: string) => boolean} has
 * @property {(page: import("./types.js").Page, on: boolean) => void} set
 * @property {() => void} clear
 * @property {(listener: () => void) => void} onChange
 */

/** Pages read again after a decision; of more, captions may lag behind until the view is opened again. */
const READ_MOST = 100;

let bars = 0;

/** @returns {Picks} */
export function createPicks() {
  bars += 1;
  /** @type {Map<string, import("./types.js").Page>} */
  const chosen = new Map();
  /** @type {(() => void)[]} */
  const listeners = [];
  const list = `pick-groups-${bars}`;
  const input = h("input", { id: `pick-group-${bars}`, list, placeholder: "Group", autocomplete: "off", required: true, maxlength: 200 });
  const told = h("strong", { "aria-live": "polite" });
  const groups = h("datalist", { id: list });
  const button = (text, run) => h("button", { type: "button", class: "button", on: { click: run } }, text);
  const element = h(
    "form",
    { class: "bulkbar", hidden: true, "aria-label": "Chosen pages", on: { submit: move } },
    told,
    h("label", { class: "visually-hidden", for: input.id }, "Group for the chosen pages"),
    input,
    h("button", { class: "button button-primary" }, "Put into this group"),
    button("Follow their cluster", () => done(movePages(ids(), null, reading()))),
    sheetMenu(() => ({ page_ids: ids() })),
    button("Scan again", () => done(sayRescan(ids(), true))),
    h("button", { type: "button", class: "button button-quiet icon-button", "aria-label": "Choose none", on: { click: clear } }, icon("close")),
    groups,
  );

  const ids = () => [...chosen.keys()];

  /** @param {SubmitEvent} event */
  function move(event) {
    event.preventDefault();
    const group = input.value.trim();
    if (group) done(movePages(ids(), group, reading()));
  }

  /** Reads these pages anew, so that tiles show what was decided, or taken back. */
  const reading = () => {
    const pages = [...chosen.values()].slice(0, READ_MOST);
    return () => read(pages);
  };

  async function read(pages) {
    await Promise.all(pages.map(async (page) => Object.assign(page, await api.get(`/pages/${page.page_id}`))));
    for (const listener of listeners) listener();
  }

  /** @param {Promise<boolean>} doing */
  async function done(doing) {
    if (!(await doing)) return;
    input.value = "";
    clear();
  }

  function clear() {
    chosen.clear();
    tell();
  }

  async function tell() {
    const first = element.hidden && chosen.size > 0;
    element.hidden = chosen.size === 0;
    told.textContent = `${counted(chosen.size, "page")} chosen`;
    for (const listener of listeners) listener();
    if (first) groups.replaceChildren(...(await listGroups()).map((value) => h("option", { value })));
  }

  return {
    element,
    has: (pageId) => chosen.has(pageId),
    set(page, on) {
      if (on) chosen.set(page.page_id, page);
      else chosen.delete(page.page_id);
      announce(`${page.path} ${on ? "chosen" : "no longer chosen"}`);
      tell();
    },
    clear,
    onChange: (listener) => listeners.push(listener),
  };
}
