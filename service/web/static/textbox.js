// The box for words to find pages by: what they show, or what stands on them; it is there where the library can answer it.

import { segmented } from "./components.js";
import { h } from "./dom.js";
import { addressWith, navigate } from "./router.js";

/** The service takes no longer texts. */
const LONGEST = 2000;

const NAMES = { both: "Both", looks: "Looks", text: "Text" };

/**
 * A box for words, empty or with what was asked; null where the library's model knows none and no text was read.
 * @param {typeof import("./api.js").api} api
 * @param {string} [text]
 * @param {string|null} [by] looks, text or both; null: what the library has
 * @returns {Promise<HTMLElement|null>}
 */
export async function textBox(api, text = "", by = null) {
  const { search_modes: modes, pages } = await api.get("/status");
  if (!modes.length || !pages) return null;
  const onlyText = !modes.includes("looks");
  const placeholder = onlyText ? "words that stand on a page" : "a bird with open wings";
  const input = h("input", { id: "search-text", type: "search", required: true, maxlength: LONGEST, value: text, placeholder, autocomplete: "off" });
  let chosen = by;
  const choose = (way) => {
    chosen = way;
    if (text) submit();
  };
  const submit = (event) => {
    event?.preventDefault();
    if (input.value.trim()) navigate(addressWith({ text: input.value.trim(), in: chosen, page: null, upload: null }));
  };
  const ways = modes.includes("both") && segmented("Search in", "search-in", ["both", "looks", "text"].map((way) => [way, NAMES[way]]), by ?? "both", choose);
  return h(
    "form",
    { class: ways ? "textbox textbox-ways" : "textbox", role: "search", "aria-label": "Search by words", on: { submit } },
    h("label", { for: "search-text" }, onlyText ? "Words on a page" : "Describe a page"),
    input,
    ways || null,
    h("button", { class: "button button-primary" }, "Search"),
  );
}
