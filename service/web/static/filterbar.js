// Filters as people click them; in the address and in the calls they are the same expressions that `--filter` takes.

import { h, icon } from "./dom.js";
import { count } from "./format.js";

const FIELDS = [
  ["label", "Label"],
  ["group", "Group"],
  ["folders", "Folder"],
  ["cluster", "Cluster"],
  ["flags", "Flags"],
];
const SEARCHABLE = 12;

/**
 * Menus for the fields that have values, and a chip for every filter that holds.
 * @param {typeof import("./api.js").api} api
 * @param {string[]} filters
 * @param {(filters: string[]) => void} onChange
 */
export function createFilterBar(api, filters, onChange) {
  let holding = filters;
  const menus = h("div", { class: "filter-menus" });
  const chips = h("div", { class: "filter-chips" });
  const element = h("div", { class: "filterbar", role: "group", "aria-label": "Filters" }, menus, chips);

  function change(wanted) {
    update(wanted);
    onChange(wanted);
  }

  function update(wanted) {
    holding = wanted;
    chips.replaceChildren(...holding.map((expression) => chip(expression, () => change(holding.filter((one) => one !== expression)))));
    for (const box of menus.querySelectorAll("input[type=checkbox]")) box.checked = valuesOf(holding, box.dataset.field).includes(box.value);
  }

  async function fillMenus() {
    const made = await Promise.all(FIELDS.map(([field, name]) => menuOf(api, field, name, (value, on) => change(toggled(holding, field, value, on)))));
    menus.replaceChildren(...made.filter(Boolean), expressionMenu((expression) => change([...holding.filter((one) => one !== expression), expression])));
    update(holding);
  }

  update(filters);
  fillMenus();
  return { element, update };
}

/** The values that `FIELD=a,b` asks for. */
function valuesOf(filters, field) {
  const own = filters.find((one) => one.startsWith(`${field}=`));
  return own ? own.slice(field.length + 1).split(",") : [];
}

function toggled(filters, field, value, on) {
  const values = valuesOf(filters, field).filter((one) => one !== value);
  if (on) values.push(value);
  const others = filters.filter((one) => !one.startsWith(`${field}=`));
  return values.length ? [...others, `${field}=${values.join(",")}`] : others;
}

function chip(expression, remove) {
  return h(
    "button",
    { type: "button", class: "chip", "aria-label": `Take the filter ${expression} away`, on: { click: remove } },
    expression.replace("=", " = ").replaceAll(",", ", "),
    icon("close"),
  );
}

async function menuOf(api, field, name, toggle) {
  let counts;
  try {
    ({ counts } = await api.get(`/facets/${field}`));
  } catch {
    return null; // A field that cannot be counted is not offered; expressions on it still work.
  }
  // A comma separates values in an expression, so a value that holds one cannot be asked for.
  const values = Object.entries(counts).filter(([value]) => value && !value.includes(","));
  if (!values.length) return null;
  values.sort((a, b) => a[0].localeCompare(b[0], "en", { numeric: true }));
  const rows = values.map(([value, number]) =>
    h(
      "label",
      { class: "menu-row" },
      h("input", { type: "checkbox", value, "data-field": field, on: { change: (event) => toggle(value, event.target.checked) } }),
      h("span", {}, value),
      h("span", { class: "menu-count" }, count(number)),
    ),
  );
  const list = h("div", { class: "menu-list" }, rows);
  const find = h("input", { type: "search", placeholder: "Find", "aria-label": `Find in ${name.toLowerCase()}s`, on: { input: () => narrow(rows, find.value) } });
  return menu(name, values.length > SEARCHABLE ? find : null, list);
}

function narrow(rows, text) {
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(text.toLowerCase());
}

function expressionMenu(add) {
  const input = h("input", { id: "filter-expression", placeholder: "metadata.year>=1936", autocomplete: "off", spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    if (input.value.trim()) add(input.value.trim());
    input.value = "";
  };
  return menu(
    "More",
    h(
      "form",
      { class: "menu-form", on: { submit } },
      h("label", { for: "filter-expression" }, "Any field: = != < <= > >="),
      h("div", { class: "row" }, input, h("button", { class: "button" }, "Add")),
    ),
  );
}

function menu(name, ...children) {
  return h("details", { class: "menu" }, h("summary", { class: "button" }, name), h("div", { class: "menu-sheet" }, ...children));
}
