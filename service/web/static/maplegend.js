// What the colours mean; each value can be hidden, shown alone, or selected.

import { h } from "./dom.js";
import { count } from "./format.js";
import { isScale, scaleStops, SHAPES } from "./mapcolours.js";

const SEARCHABLE = 14;

/**
 * @param {{onHide: (hidden: Set<string>) => void, onSelect: (name: string) => void}} events
 */
export function createLegend({ onHide, onSelect }) {
  const element = h("section", { class: "map-legend", "aria-label": "Legend" });
  let hidden = new Set();
  let names = [];

  function change(wanted) {
    hidden = wanted;
    for (const box of element.querySelectorAll("input[type=checkbox]")) box.checked = !hidden.has(box.value);
    onHide(hidden);
  }

  function toggle(name, on) {
    const wanted = new Set(hidden);
    if (on) wanted.delete(name);
    else wanted.add(name);
    change(wanted);
  }

  const only = (name) => change(new Set(names.filter((one) => one !== name)));

  function row(name, number, { css, shape }, text) {
    return h(
      "li",
      { class: "legend-row" },
      h(
        "label",
        { title: `${text}: show or hide` },
        h("input", { type: "checkbox", value: name, checked: !hidden.has(name), on: { change: (event) => toggle(name, event.target.checked) } }),
        h("span", { class: `legend-mark legend-${SHAPES[shape]}`, vars: { "--colour": css } }),
        h("span", { class: "legend-name" }, text),
        h("span", { class: "menu-count" }, count(number)),
      ),
      h(
        "span",
        { class: "legend-acts" },
        h("button", { type: "button", class: "button button-small", "aria-label": `Show only ${text}`, on: { click: () => only(name) } }, "only"),
        h("button", { type: "button", class: "button button-small", "aria-label": `Select ${text}`, on: { click: () => onSelect(name) } }, "select"),
      ),
    );
  }

  return {
    element,
    /**
     * @param {import("./mapdata.js").Colours} given
     * @param {{css: string, shape: number}[]} colours
     * @param {Set<string>} nowHidden
     * @param {string} none what pages without a value are called
     */
    show(given, colours, nowHidden, none) {
      hidden = nowHidden;
      names = [...given.names, ""];
      const last = given.none ? [row("", given.none, colours[given.names.length], none)] : [];
      if (isScale(given.names)) {
        element.replaceChildren(scale(given.names.map(Number)), h("ul", {}, last));
        return;
      }
      // The largest first; their numbering, and so their colours, stay as they were.
      const order = given.names.map((_, i) => i).filter((i) => given.counts[i] > 0).sort((a, b) => given.counts[b] - given.counts[a] || a - b);
      const called = (name) => (given.by === "cluster" ? `cluster ${name}` : name);
      const rows = [...order.map((i) => row(given.names[i], given.counts[i], colours[i], called(given.names[i]))), ...last];
      const list = h("ul", {}, rows);
      const find = h("input", { type: "search", placeholder: "Find", "aria-label": "Find in the legend", on: { input: () => narrow(rows, find.value) } });
      const all = h("button", { type: "button", class: "button button-small", on: { click: () => change(new Set()) } }, "Show all");
      const nothing = h("button", { type: "button", class: "button button-small", on: { click: () => change(new Set(names)) } }, "Hide all");
      element.replaceChildren(...[h("div", { class: "legend-tools" }, all, nothing), rows.length > SEARCHABLE ? find : null, list].filter(Boolean));
    },
  };
}

function narrow(rows, text) {
  for (const row of rows) row.hidden = !row.querySelector(".legend-name").textContent.toLowerCase().includes(text.toLowerCase());
}

function scale(numbers) {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const gradient = (theme) => `linear-gradient(to right, ${scaleStops(theme).join(", ")})`;
  return h(
    "div",
    { class: "legend-scale", role: "img", "aria-label": `Colours from ${low} to ${high}`, vars: { "--light": gradient("light"), "--dark": gradient("dark") } },
    h("span", { class: "legend-bar" }),
    h("span", { class: "legend-ends" }, h("span", {}, String(low)), h("span", {}, String(high))),
  );
}
