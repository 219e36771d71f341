// What a person says of pages: which group they belong to, whether to scan them again. Every word can be taken back at once.

import { api } from "./api.js";
import { toast } from "./components.js";
import { counted } from "./format.js";
import { undo } from "./naming.js";

/** The most pages of one decision (POST /v1/pages/move). */
const AT_ONCE = 10_000;

/** Told to the window after a decision about pages, so that whoever shows them can look again. */
export const DECIDED = "quire-decided";

/**
 * Put pages into a group by hand; null lets them follow their cluster again.
 * @param {string[]} pageIds
 * @param {string|null} group
 * @param {() => void} [onChange] called after the move and after its undoing
 * @returns {Promise<boolean>} whether it was done
 */
export async function movePages(pageIds, group, onChange = () => {}) {
  const entries = [];
  try {
    for (let i = 0; i < pageIds.length; i += AT_ONCE) entries.push((await api.post("/pages/move", { page_ids: pageIds.slice(i, i + AT_ONCE), group })).entry);
  } catch (error) {
    toast(error.message, { bad: true });
  }
  if (!entries.length) return false;
  const done = () => (onChange(), tell());
  const said = group === null ? `${counted(pageIds.length, "page")}: back to their cluster` : `${counted(pageIds.length, "page")} put into “${group}”`;
  toast(said, { action: { name: "Undo", run: () => takeBack(entries, done) } });
  done();
  return true;
}

/**
 * Say of scans that they must be made again (true), are fine (false), or what their flags say (null).
 * @param {string[]} pageIds
 * @param {boolean|null} wanted
 * @param {() => void} [onChange]
 * @param {string|null} [note]
 */
export async function sayRescan(pageIds, wanted, onChange = () => {}, note = null) {
  try {
    const report = await api.post("/rescans", { page_ids: pageIds, wanted, note });
    const done = () => (onChange(), tell());
    const said = { true: "to be scanned again", false: "fine as scanned", null: "judged by the flags again" }[String(wanted)];
    toast(`${counted(pageIds.length, "page")} ${said}`, { action: { name: "Undo", run: () => undo(report.entry, done) } });
    done();
    return true;
  } catch (error) {
    toast(error.message, { bad: true });
    return false;
  }
}

/** The groups there are, for boxes that offer them. @returns {Promise<string[]>} */
export async function listGroups() {
  try {
    const { counts } = await api.get("/facets/group");
    return Object.keys(counts).sort();
  } catch {
    return []; // Then a name is typed.
  }
}

async function takeBack(entries, onChange) {
  try {
    for (const entry of entries.reverse()) await api.post("/undo", { entry });
    toast("Taken back");
  } catch (error) {
    toast(error.message, { bad: true });
  }
  onChange();
}

const tell = () => window.dispatchEvent(new Event(DECIDED));
