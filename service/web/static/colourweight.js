// How much colours count beside content: a slider, and ?colour= in the address.

import { h } from "./dom.js";
import { addressWith, navigate } from "./router.js";

/** What the address says, 0 to 1. */
export function colourHere() {
  const given = Number(new URLSearchParams(location.search).get("colour"));
  return Number.isFinite(given) ? Math.min(Math.max(given, 0), 1) : 0;
}

/**
 * The slider; nothing where the library has no colour vectors.
 * @param {typeof import("./api.js").api} api
 */
export function colourSlider(api) {
  const input = h("input", { type: "range", id: "colour-weight", min: 0, max: 100, step: 5, value: String(Math.round(100 * colourHere())), "aria-describedby": "colour-told" });
  const told = h("output", { id: "colour-told", for: "colour-weight", class: "hint" });
  const tell = () => (told.textContent = input.value === "0" ? "content alone" : input.value === "100" ? "colour alone" : `${input.value} %`);
  const element = h("div", { class: "colour-weight", hidden: true }, h("label", { for: "colour-weight" }, "Colour"), input, told);
  input.addEventListener("input", tell);
  input.addEventListener("change", () => navigate(addressWith({ colour: input.value === "0" ? null : Number(input.value) / 100 }), { replace: true }));
  tell();
  api.get("/status").then(({ views }) => (element.hidden = !views.includes("colour")), () => {});
  return element;
}
