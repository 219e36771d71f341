// The pieces that every view is made of.

import { announce, h, icon } from "./dom.js";
import { count } from "./format.js";

/**
 * A readable account of what went wrong.
 * @param {Error & {title?: string}} error
 */
export function notice(error) {
  return h("div", { class: "notice notice-bad", role: "alert" }, h("strong", {}, error.title ?? "That did not work"), h("p", {}, error.message));
}

/**
 * Nothing to show, and what to do about it.
 * @param {string} title
 * @param {...import("./dom.js").Child} rest
 */
export function emptyState(title, ...rest) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), ...rest);
}

/**
 * A short message in the corner; one with an action stays longer, and as long as the pointer or the focus is on it.
 * @param {string} text
 * @param {{bad?: boolean, action?: {name: string, run: () => void}}} [options]
 */
export function toast(text, { bad = false, action } = {}) {
  const dismiss = () => element.remove();
  const element = h(
    "div",
    { class: bad ? "toast toast-bad" : "toast" },
    h("span", {}, text),
    action && h("button", { type: "button", class: "button button-toast", on: { click: () => (dismiss(), action.run()) } }, action.name),
    h("button", { type: "button", class: "button button-toast icon-button", "aria-label": "Dismiss", on: { click: dismiss } }, icon("close")),
  );
  document.getElementById("toasts").append(element);
  announce(text);
  const held = () => element.matches(":hover, :focus-within");
  const fade = () => (held() ? setTimeout(fade, 2000) : dismiss());
  setTimeout(fade, action || bad ? 12000 : 5000);
}

/**
 * A bar that fills; without a total it only moves.
 * @param {string} label
 */
export function progressBar(label) {
  const element = h("progress", { "aria-label": label, max: 1 });
  return {
    element,
    /** @param {number} done @param {number|null} total */
    set(done, total) {
      if (total) element.value = Math.min(done / total, 1);
      else element.removeAttribute("value");
    },
  };
}

/**
 * A list of names with bars as long as their counts.
 * @param {Record<string, number>} counts
 * @param {(name: string) => string|null} [linkOf] where a name leads
 */
export function barList(counts, linkOf = () => null) {
  const rows = Object.entries(counts).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], "en", { numeric: true }));
  const most = Math.max(1, ...rows.map(([, number]) => number));
  return h(
    "ul",
    { class: "bars" },
    rows.map(([name, number]) => {
      const link = linkOf(name);
      const text = link ? h("a", { href: link }, name) : h("span", {}, name);
      return h("li", { vars: { "--share": `${(100 * number) / most}%` } }, text, h("span", { class: "bars-count" }, count(number)));
    }),
  );
}

/**
 * A modal dialog that is gone when it is closed.
 * @param {string} label
 * @param {string} className
 * @param {...import("./dom.js").Child} children
 * @returns {HTMLDialogElement}
 */
export function dialog(label, className, ...children) {
  const element = /** @type {HTMLDialogElement} */ (h("dialog", { class: className, "aria-label": label }, ...children));
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}

/** Menus and panels close with Escape, and by a click beside them, as people expect; <details> alone does not. */
export function closeMenusAsExpected() {
  const open = () => document.querySelectorAll(".menu[open], .panel[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const one of open()) {
      one.open = false;
      one.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const one of open()) if (!event.composedPath().includes(one)) one.open = false;
  });
}

/**
 * Ask for the key that the service wants; null when the reader gives up.
 * @param {boolean} wrong the last one was refused
 * @returns {Promise<string|null>}
 */
export function askForKey(wrong) {
  return new Promise((resolve) => {
    const input = h("input", { id: "api-key", type: "password", autocomplete: "current-password", required: true });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", {}, "API key"),
      h("p", {}, wrong ? "The service does not accept this key." : "The service wants a key. It is kept until this tab is closed."),
      h("label", { for: "api-key" }, "Key"),
      input,
      h("div", { class: "row" }, h("button", { class: "button button-primary", value: "given" }, "Go on")),
    );
    const box = dialog("API key", "dialog", form);
    box.addEventListener("close", () => resolve(box.returnValue === "given" ? input.value : null));
    input.focus();
  });
}

/**
 * One choice of a few, as radio buttons that look like one switch.
 * @param {string} legend
 * @param {string} name
 * @param {[string, string][]} choices value and text
 * @param {string} chosen
 * @param {(value: string) => void} onChange
 */
export function segmented(legend, name, choices, chosen, onChange) {
  return h(
    "fieldset",
    { class: "segmented" },
    h("legend", { class: "visually-hidden" }, legend),
    choices.map(([value, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => onChange(value) } }),
        h("span", {}, text),
      ),
    ),
  );
}
