// Addresses to views and back. A view is a module `views/NAME.js` with `title` and `render`; see types.js.

import { api } from "./api.js";
import { h } from "./dom.js";
import { notice } from "./components.js";

/** @typedef {{path: string, view: string, name?: string}} Route */

/** @type {Route[]} */
let routes = [];
/** @type {HTMLElement} */
let outlet;
/** @type {(route: Route) => void} */
let tell = () => {};
/** @type {{route: Route, shown: import("./types.js").Shown}|null} */
let current = null;
let visit = 0;

/**
 * Show the view of the present address, and of every later one.
 * @param {Route[]} known
 * @param {HTMLElement} into
 * @param {(route: Route) => void} onRoute
 */
export function startRouter(known, into, onRoute) {
  routes = known;
  outlet = into;
  tell = onRoute;
  history.scrollRestoration = "manual";
  window.addEventListener("popstate", (event) => show({ scroll: event.state?.scroll ?? 0 }));
  document.addEventListener("click", followLink);
  show({ scroll: history.state?.scroll ?? 0, first: true });
}

/**
 * Go to an address of this site.
 * @param {string} address
 * @param {{replace?: boolean}} [options] `replace` leaves no entry to go back to.
 */
export function navigate(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(history.state, "", address);
  } else {
    history.replaceState({ scroll: window.scrollY }, "");
    history.pushState({}, "", address);
  }
  show({ scroll: replace ? window.scrollY : 0 });
}

/** Show the present view anew, for when what it shows was changed from outside it. */
export function reload() {
  current?.shown.close?.();
  current = null;
  show({ scroll: window.scrollY });
}

/**
 * The present address with some parameters changed; null takes one away, a list repeats it.
 * @param {Record<string, string|number|string[]|null>} changes
 */
export function addressWith(changes) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    if (value === null) continue;
    for (const one of [value].flat()) params.append(name, String(one));
  }
  return params.size ? `${location.pathname}?${params}` : location.pathname;
}

async function show({ scroll, first = false }) {
  const route = routes.find((one) => one.path === location.pathname) ?? routes[0];
  const params = new URLSearchParams(location.search);
  visit += 1;
  const mine = visit;
  // The same view with other parameters is updated in place: what is open, and where the focus is, stays.
  if (current?.route.view === route.view && current.shown.update) {
    await current.shown.update(params);
    return;
  }
  current?.shown.close?.();
  current = null;
  tell(route);
  const root = h("div", { class: `view view-${route.view}` });
  outlet.replaceChildren(root);
  try {
    /** @type {import("./types.js").View} */
    const view = await import(`./views/${route.view}.js`);
    document.title = `${view.title} · Quire`;
    const shown = (await view.render(root, params, api)) ?? {};
    // Whoever went on while this was loading must not find it again.
    if (mine !== visit) shown.close?.();
    else current = { route, shown };
  } catch (error) {
    root.append(h("h1", {}, "That did not work"), notice(error));
  }
  if (mine !== visit) return;
  window.scrollTo(0, scroll);
  if (!first) outlet.focus({ preventScroll: true });
}

function followLink(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash || !routes.some((one) => one.path === link.pathname)) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}
