// Building elements without a framework: text always goes in as text, so a file name can never become markup.

/** @typedef {Node|string|number|null|undefined|false} Child */

/**
 * An element. Properties: `on` holds listeners, `vars` CSS custom properties (allowed under the strict policy, unlike a
 * style attribute), `true` writes a bare attribute, `false`, null and undefined write none.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child|Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "vars") for (const [key, setting] of Object.entries(value)) element.style.setProperty(key, setting);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  const wanted = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...wanted.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const ICONS = {
  close: "M5 5l10 10M15 5L5 15",
  left: "M12.5 4L6.5 10l6 6",
  right: "M7.5 4l6 6-6 6",
  theme: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  check: "M4 10.5l4 4 8-9",
  history: "M3.5 10a6.5 6.5 0 1 0 2-4.7M3.2 3.4v2.9h2.9M10 6.5V10l2.6 1.8",
  sheet: "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5",
};

/**
 * A small line drawing; the words beside it, or the button's label, say what it means.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/**
 * Say something to people who listen to the page instead of looking at it.
 * @param {string} text
 */
export function announce(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}
