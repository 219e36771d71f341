// Names suggested for clusters by the library's model: offered beside the name box, and given only by the reader.

import { api } from "./api.js";
import { toast } from "./components.js";
import { announce, h } from "./dom.js";
import { similarity as format } from "./format.js";

/**
 * A button that asks for suggestions and hands them to the cards; there where the library's model knows words.
 * @param {Map<number, {suggest: (words: import("./types.js").WordSuggestion[]) => void}>} cards
 */
export function suggestButton(cards) {
  const button = h("button", { type: "button", class: "button", hidden: true, on: { click: ask } }, "Suggest names");
  let knowsWords = false;
  let clusters = 0;
  const show = () => (button.hidden = !knowsWords || !clusters);
  api.get("/status").then(({ search_modes: modes }) => {
    knowsWords = modes.includes("looks");
    show();
  }, () => {});

  async function ask() {
    button.disabled = true;
    try {
      for (const { cluster, words } of await api.post("/suggest-names", {})) cards.get(cluster)?.suggest(words);
      announce("Each cluster has words that it looks like");
    } catch (error) {
      toast(error.message, { bad: true });
    }
    button.disabled = false;
  }

  return {
    element: button,
    /** @param {number} count how many clusters there are now */
    update(count) {
      clusters = count;
      show();
    },
  };
}

/**
 * What a cluster looks like: each word goes into its name box when clicked, and is not saved by that.
 * @param {import("./types.js").WordSuggestion[]} words
 * @param {(word: string) => void} choose
 */
export function suggestions(words, choose) {
  const button = ({ word, similarity }) =>
    h(
      "button",
      { type: "button", class: "chip", title: "Put this into the name box", on: { click: () => choose(word) } },
      word,
      h("span", { class: "suggestion-similarity" }, format(similarity)),
    );
  return [h("span", { class: "hint" }, "looks like"), ...words.map(button)];
}
