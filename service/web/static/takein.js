// Decisions taken in from a table that was exported, and changed by hand: first what would be moved, then the moving.

import { api } from "./api.js";
import { toast } from "./components.js";
import { announce, h } from "./dom.js";
import { count, counted } from "./format.js";

/** Rows of one call: the service takes up to a megabyte of JSON. */
const AT_ONCE = 4000;
const COLUMNS = ["page_id", "root", "path", "page_number", "group", "document"];

/** A form that takes a CSV or JSON file. */
export function takeInForm() {
  const file = h("input", { id: "take-in", type: "file", accept: ".csv,.json,text/csv,application/json" });
  const documents = h("input", { type: "checkbox" });
  const told = h("p", { class: "hint", role: "status" });
  const go = h("button", { type: "button", class: "button button-primary", disabled: true }, "Move them");
  /** @type {Record<string, unknown>[]} */
  let rows = [];

  async function look() {
    go.disabled = true;
    told.textContent = "";
    if (!file.files?.length) return;
    try {
      rows = readRows(file.files[0].name, await file.files[0].text());
      const found = await takeIn(rows, documents.checked, true);
      told.textContent = tell(found, "would be");
      go.disabled = !found.pages && !found.breaks;
    } catch (error) {
      told.textContent = error.message;
    }
    announce(told.textContent);
  }

  async function move() {
    go.disabled = true;
    try {
      const found = await takeIn(rows, documents.checked, false);
      told.textContent = tell(found, "were");
      toast(told.textContent);
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  file.addEventListener("change", look);
  documents.addEventListener("change", look);
  go.addEventListener("click", move);
  return h(
    "section",
    { class: "sheet", "aria-labelledby": "take-in-title" },
    h("h2", { id: "take-in-title" }, "Take decisions in"),
    h("p", {}, "A table as it was exported, with groups changed by hand: pages whose group differs are moved. Every move is in the history."),
    h("label", { for: "take-in" }, "Table with page_id or path, and group (CSV, JSON)"),
    file,
    h("label", { class: "row" }, documents, "Documents too: cut where the column differs, joined where it is the same"),
    told,
    h("div", { class: "row" }, go),
  );
}

async function takeIn(rows, documents, dry_run) {
  const found = { rows: 0, pages: 0, groups: new Set(), breaks: 0 };
  for (let i = 0; i < rows.length; i += AT_ONCE) {
    const report = await api.post("/import", { rows: rows.slice(i, i + AT_ONCE), documents, dry_run });
    found.rows += report.rows;
    found.breaks += report.breaks;
    for (const [group, pages] of Object.entries(report.moved)) {
      found.pages += pages;
      found.groups.add(group);
    }
  }
  return found;
}

function tell({ rows, pages, groups, breaks }, verb) {
  const named = [...groups].filter(Boolean).sort().map((group) => `“${group}”`).join(", ");
  const moved = pages ? `${counted(pages, "page")} ${verb} moved${named ? ` to ${named}` : ""}${groups.has("") ? (named ? " or back to their cluster" : " back to their cluster") : ""}` : `no page ${verb} moved`;
  return `${counted(rows, "row")}: ${moved}${breaks ? `, ${count(breaks)} places ${verb} cut or joined` : ""}.`;
}

function readRows(name, text) {
  const found = /\.json$/i.test(name) ? JSON.parse(text) : readCsv(text);
  if (!Array.isArray(found) || !found.length) throw new Error("There are no rows in this file.");
  if (!("page_id" in found[0]) && !("path" in found[0])) throw new Error("The table lacks the columns page_id and path, by which a row names its page.");
  return found.map(clean);
}

/** The columns that count, as the service takes them; an empty group says: that of its cluster. */
function clean(row) {
  const made = {};
  for (const column of COLUMNS) {
    if (!(column in row)) continue;
    const value = row[column] === null ? "" : String(row[column]).trim();
    if (column === "group") made.group = value || null;
    else if (value) made[column] = column === "page_number" ? Number(value) : value;
  }
  return made;
}

/** Rows of a CSV (RFC 4180), with what was guarded against spreadsheets as it was. */
export function readCsv(text) {
  const lines = [[""]];
  let quoted = false;
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length; i += 1) {
    const letter = text[i];
    const line = lines[lines.length - 1];
    if (quoted) {
      if (letter !== '"') line[line.length - 1] += letter;
      else if (text[i + 1] === '"') line[line.length - 1] += text[(i += 1)];
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === ",") line.push("");
    else if (letter === "\n") lines.push([""]);
    else if (letter !== "\r") line[line.length - 1] += letter;
  }
  const [head, ...rest] = lines;
  return rest.filter((line) => line.length > 1 || line[0]).map((line) => Object.fromEntries(head.map((name, i) => [name, plain(line[i] ?? "")])));
}

const plain = (cell) => (/^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell);
