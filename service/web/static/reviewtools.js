// What stands around a review: the known number of documents, handing over, and the help.

import { dialog, toast } from "./components.js";
import { h } from "./dom.js";
import { count, counted } from "./format.js";

const KEYS = "quire-review-keys";

const panel = (name, ...children) => {
  const summary = h("summary", { class: "button" }, name);
  return { summary, element: h("details", { class: "panel panel-right" }, summary, h("div", { class: "panel-sheet" }, ...children)) };
};

/**
 * "This box holds 40 items."
 * @param {(count: number|null) => Promise<void>} save
 */
export function countPanel(save) {
  const input = h("input", { id: "known-count", type: "number", min: 1, required: true });
  const forget = h("button", { type: "button", class: "button", on: { click: () => send(null) } }, "Not known");
  const send = async (number) => {
    await save(number);
    element.open = false;
    summary.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    send(Number(input.value));
  };
  const { summary, element } = panel(
    "Number known?",
    h(
      "form",
      { class: "stack", on: { submit } },
      h("h2", {}, "Is the number of documents known?"),
      h("p", { class: "hint" }, "A list or the lid of the box may tell. Then exactly so many are proposed, and your decisions still stand."),
      h("div", { class: "row" }, h("label", { for: "known-count" }, "Documents"), input, h("button", { class: "button button-primary" }, "Propose so many"), forget),
    ),
  );
  return {
    element,
    /** @param {import("./stream.js").Proposal} proposal */
    show({ known_count: known, documents, pages }) {
      summary.textContent = known ? `${counted(known, "document")} known` : "Number known?";
      input.max = String(pages.length);
      if (!element.open) input.value = String(known ?? documents.length);
      forget.hidden = known === null;
    },
  };
}

/** What would make the proposal better. */
export function notesPanel() {
  const list = h("ul", { class: "stack" });
  const { element, summary } = panel("Notes", h("h2", {}, "Notes"), list);
  return {
    element,
    /** @param {import("./stream.js").Proposal} proposal */
    show({ notes }) {
      element.hidden = !notes.length;
      summary.textContent = counted(notes.length, "note");
      list.replaceChildren(...notes.map((note) => h("li", {}, note)));
    },
  };
}

/**
 * Files to hand on, of the stream and of the document in view.
 * @param {string} stream
 * @param {typeof import("./api.js").api} api
 */
export function exportPanel(stream, api) {
  const link = (name, format, document) => {
    const params = { stream, format, document };
    const address = `/v1/documents/export?${new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined))}`;
    const get = async (event) => {
      event.preventDefault();
      try {
        await api.save("/documents/export", params);
      } catch (error) {
        toast(error.message, { bad: true });
      }
    };
    return h("a", { class: "button", href: address, download: true, on: { click: get } }, name);
  };
  const here = h("h3");
  const ofDocument = h("div", { class: "row" });
  const { element } = panel(
    "Hand over",
    h("h2", {}, "Hand over"),
    h("p", { class: "hint" }, "One row for each document: its first and last file, its pages, how sure, who decided."),
    h("div", { class: "row" }, link("CSV", "csv"), link("Excel", "xlsx"), link("IIIF collection", "iiif")),
    here,
    ofDocument,
  );
  let shown = "";
  return {
    element,
    /** @param {import("./stream.js").Proposal} proposal @param {number} d */
    show({ documents }, d) {
      const one = documents[d];
      const told = `Document ${count(d + 1)}, ${counted(one.last - one.first + 1, "page")}`;
      if (shown === told + one.document) return;
      shown = told + one.document;
      here.textContent = told;
      ofDocument.replaceChildren(link("PDF", "pdf", one.document), link("IIIF manifest", "iiif", one.document));
    },
  };
}

const HELP = [
  [["Enter"], "accept what is proposed"],
  [["c", "Space"], "cut: a new document begins"],
  [["j"], "join: the two belong together"],
  [["→", "n"], "next doubtful break"],
  [["←", "p"], "the one before"],
  [["Shift →", "Shift ←"], "the neighbouring break"],
  [["u"], "undo"],
  [["a"], "accept all that are sure"],
  [["?"], "this help"],
];
const SIGNS = [
  ["break", "decided", "cut, decided"],
  ["break", "sure", "cut, proposed and sure"],
  ["break", "doubtful", "cut, doubtful"],
  ["join", "decided", "joined, decided"],
  ["join", "doubtful", "joined, doubtful"],
];

/** The keys, and the signs of the filmstrip. */
export function showHelp() {
  const letters = h("input", { type: "checkbox", id: "letters", checked: keysAreOn() });
  letters.checked = keysAreOn();
  letters.addEventListener("change", () => {
    try {
      localStorage.setItem(KEYS, letters.checked ? "on" : "off");
    } catch {
      toast("This browser keeps no settings for this site.", { bad: true });
    }
  });
  const box = dialog(
    "Keys and signs",
    "dialog review-help",
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, HELP.flatMap(([keys, text]) => [h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, text)])),
    h("div", { class: "row" }, letters, h("label", { for: "letters" }, "Letters work as keys")),
    h("h2", {}, "Signs"),
    h(
      "ul",
      { class: "signs" },
      SIGNS.map(([kind, certainty, text]) => h("li", {}, h("span", { class: "strip-break strip-sample", "data-kind": kind, "data-certainty": certainty }, h("span", { class: "strip-thread" }), h("span", { class: "strip-chance" }, certainty === "doubtful" ? (kind === "break" ? "62" : "31") : "")), text)),
    ),
    h("p", { class: "hint" }, "A number is the chance of a cut, in per cent. A break is doubtful while the proposal is wrong there with a chance above one in ten. Every decision is saved at once, and what is proposed elsewhere follows from it."),
    h("div", { class: "row" }, h("button", { type: "button", class: "button button-primary", on: { click: () => box.close() } }, "Close")),
  );
}

/** Whether single letters work as keys; who speaks to the browser may turn them off (WCAG 2.1.4). */
export function keysAreOn() {
  try {
    return localStorage.getItem(KEYS) !== "off";
  } catch {
    return true;
  }
}
