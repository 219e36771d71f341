// Quality: scans to make again, why, and which were. ?flag= the reasons that count, ?all=1 also lines that are ticked or fine.

import { emptyState, notice, segmented } from "../components.js";
import { sayRescan } from "../decide.js";
import { announce, h } from "../dom.js";
import { count, counted, moment } from "../format.js";
import { moreButton, pageTitle, thumbnail } from "../grid.js";
import { openLightbox } from "../lightbox.js";
import { addressWith, navigate } from "../router.js";

export const title = "Quality";

const LINES_AT_ONCE = 60;
const AUTOMATIC_LINES = 600;
const STATES = { open: "to scan again", again: "rescanned, not better", done: "rescanned", fine: "fine as scanned" };

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  /** @type {import("../types.js").RescanLine[]} */
  let lines = [];
  let cursor = null;
  let wanted = [];
  let all = false;
  let asked = 0;
  const summary = h("p", { class: "lede" });
  const flags = h("fieldset", { class: "flag-choice" }, h("legend", { class: "visually-hidden" }, "Reasons to scan again"));
  const save = h("button", { type: "button", class: "button", on: { click: () => api.save("/rescans/table", { flag: wanted, only_open: !all }) } }, "Save as CSV");
  const tools = h("div", { class: "view-tools" });
  const state = h("div");
  const list = h("ol", { class: "rescans", "aria-label": "Scans to make again" });
  const more = moreButton(() => load(cursor), () => lines.length < AUTOMATIC_LINES);
  more.element.textContent = "More lines";

  const known = await api.get("/flags");
  const usual = known.filter((one) => one.wants_rescan).map((one) => one.flag);

  function toggle(flag, on) {
    const chosen = known.map((one) => one.flag).filter((one) => (one === flag ? on : wanted.includes(one)));
    if (chosen.length) navigate(addressWith({ flag: same(chosen, usual) ? null : chosen }), { replace: true });
    else draw();
  }

  function draw() {
    flags.replaceChildren(flags.firstElementChild, ...known.map((one) => flagChip(one, wanted.includes(one.flag), (on) => toggle(one.flag, on))));
    const which = segmented("Lines", "lines", [["", "Open"], ["1", "All"]], all ? "1" : "", (value) => navigate(addressWith({ all: value || null }), { replace: true }));
    tools.replaceChildren(which, save);
  }

  async function load(from) {
    asked += 1;
    const mine = asked;
    try {
      const answer = await api.get("/rescans", { flag: wanted, only_open: !all, limit: LINES_AT_ONCE, cursor: from });
      if (mine !== asked) return;
      if (!from) {
        lines = [];
        list.replaceChildren();
      }
      for (const line of answer.lines) append(line);
      cursor = answer.next_cursor;
      more.element.hidden = cursor === null;
      describe(answer);
    } catch (error) {
      if (mine === asked) state.replaceChildren(notice(error));
    }
  }

  function describe({ total, open }) {
    const done = all ? `, ${counted(total - open, "line")} ticked or fine` : "";
    summary.textContent = `${counted(open, "page")} to scan again${done}. A new scan under the same path ticks its line, and keeps all that was decided.`;
    save.disabled = !total;
    state.replaceChildren(...(total ? [] : [emptyState(all ? "No scan was ever flagged for these reasons." : "Nothing is left to scan again.", h("p", {}, "Choose other reasons above, or put a page on the list from its own sheet."))]));
    announce(summary.textContent);
  }

  function append(line) {
    const index = lines.push(line) - 1;
    list.append(row(line, {
      open: () => openLightbox(lines.map(({ page }) => ({ page })), index, { onLeave: (left) => list.children[left]?.querySelector("button")?.focus() }),
      say: (word) => say(line, word),
    }));
  }

  /** The focus goes to the next line, so that a list is gone through with Enter and Tab alone. */
  async function say(line, word) {
    const place = lines.indexOf(line);
    const done = await sayRescan([line.page.page_id], word, () => load(null).then(() => list.children[Math.min(place, list.children.length - 1)]?.querySelector(".rescan-acts button")?.focus()));
    return done;
  }

  async function update(given) {
    const asks = given.getAll("flag").filter((flag) => known.some((one) => one.flag === flag));
    wanted = asks.length ? asks : usual;
    all = given.has("all");
    draw();
    await load(null);
  }

  root.append(h("div", { class: "view-head" }, h("h1", {}, "Quality"), summary, flags, tools), state, list, more.element);
  await update(params);
  return { update, close: more.close };
}

const same = (a, b) => a.length === b.length && a.every((one) => b.includes(one));

/** @param {import("../types.js").FlagCount} one */
function flagChip(one, on, change) {
  return h(
    "label",
    { class: "flag-chip", title: one.text },
    h("input", { type: "checkbox", value: one.flag, checked: on, on: { change: (event) => change(event.target.checked) } }),
    h("span", {}, one.flag.replaceAll("-", " ")),
    h("span", { class: "menu-count" }, count(one.pages)),
  );
}

/** @param {import("../types.js").RescanLine} line */
function row(line, { open, say }) {
  const { page, state, reasons, note, who } = line;
  const name = pageTitle(page);
  const why = reasons.map((reason) => h("span", { class: "flag" }, reason === "asked" ? `asked for by ${who}` : reason.replaceAll("-", " ")));
  const told = state === "done" ? `rescanned ${moment(page.rescanned)}, was ${page.rescanned_for.join(", ")}` : state === "again" ? "rescanned, and not better" : state === "fine" ? `fine as scanned, says ${who}` : null;
  const button = (text, word) => h("button", { type: "button", class: "button button-small", "aria-label": `${text}: ${name}`, on: { click: () => say(word) } }, text);
  const acts = state === "fine" ? [button("As flagged", null)] : state === "done" ? [button("Scan again", true)] : [button("Fine as scanned", false), reasons.includes("asked") ? button("Not wanted", null) : null];
  return h(
    "li",
    { class: "rescan", "data-state": state },
    h("button", { type: "button", class: "rescan-picture", "aria-label": `Open ${name}`, on: { click: open } }, thumbnail(page)),
    h(
      "div",
      { class: "rescan-words" },
      h("p", { class: "rescan-path", title: page.path }, name),
      h("p", { class: "rescan-why" }, why, told && h("span", { class: "hint" }, told), note && h("span", { class: "hint" }, `“${note}”`)),
    ),
    h("span", { class: "rescan-state" }, STATES[state]),
    h("div", { class: "rescan-acts" }, acts),
  );
}
