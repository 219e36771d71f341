// Scans that the reader brings: dropped anywhere, pasted, or chosen. They are kept in memory only, so that Back works.

import { toast } from "./components.js";
import { h } from "./dom.js";
import { navigate } from "./router.js";

/** What the service can read; a browser that does not know a type goes by the suffix. */
export const ACCEPT = "image/*,application/pdf,.tif,.tiff,.jp2,.heic,.heif,.pdf,.bmp,.webp";

/** @type {Map<string, File[]>} */
const kept = new Map();

/** The files of `/search?upload=NUMBER`, as long as this tab lives. @param {string} number */
export const filesOf = (number) => kept.get(number);

/** Look these files up. @param {Iterable<File>} files */
export function lookUp(files) {
  const chosen = [...files].filter((file) => file.size > 0);
  if (!chosen.length) {
    toast("There is no file in that which could be read.", { bad: true });
    return;
  }
  const number = String(kept.size + 1);
  kept.set(number, chosen);
  navigate(`/search?upload=${number}`);
}

/** A hidden file input behind a button. @param {HTMLElement} button */
export function chooseWith(button) {
  const input = h("input", { type: "file", multiple: true, accept: ACCEPT, hidden: true, "aria-label": "Scans to look up" });
  input.addEventListener("change", () => {
    lookUp(input.files);
    input.value = "";
  });
  button.addEventListener("click", () => input.click());
  button.after(input);
}

/** Take files that are dropped or pasted anywhere on the page. */
export function takeFilesAnywhere() {
  const overlay = h("div", { class: "drop-overlay", hidden: true }, h("p", {}, "Drop to see what it is"));
  document.body.append(overlay);
  let leaving;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    overlay.hidden = false;
    clearTimeout(leaving);
    // dragleave fires at every border inside the page; silence for a moment is the sure sign that it was left.
    leaving = setTimeout(() => (overlay.hidden = true), 250);
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    lookUp(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) lookUp(files);
  });
}
