// The start of everything: the sections, the tools in the masthead, and the router.

import { onKeyWanted } from "./api.js";
import { askForKey, closeMenusAsExpected } from "./components.js";
import { h, icon } from "./dom.js";
import { historyPanel } from "./naming.js";
import { reload, startRouter } from "./router.js";
import { chooseWith, takeFilesAnywhere } from "./uploads.js";

/**
 * The sections, in the order of the navigation. A new one needs a line here and a module `views/NAME.js`.
 * @type {import("./router.js").Route[]}
 */
export const SECTIONS = [
  { path: "/search", view: "search", name: "Search" },
  { path: "/clusters", view: "clusters", name: "Clusters" },
  { path: "/labels", view: "labels", name: "Labels" },
  { path: "/documents", view: "documents", name: "Documents" },
  { path: "/map", view: "map", name: "Map" },
  { path: "/wall", view: "wall", name: "Wall" },
  { path: "/duplicates", view: "duplicates", name: "Duplicates" },
  { path: "/quality", view: "quality", name: "Quality" },
  { path: "/balance", view: "balance", name: "Balance" },
  { path: "/jobs", view: "jobs", name: "Jobs" },
  { path: "/status", view: "status", name: "Status" },
];

function start() {
  const links = SECTIONS.map(({ path, view, name }) => h("a", { href: path, "data-view": view }, name));
  document.getElementById("sections").replaceChildren(...links);

  document.getElementById("choose-files").after(historyPanel(reload).element);
  const theme = document.getElementById("theme");
  theme.append(icon("theme"));
  theme.addEventListener("click", () => window.dispatchEvent(new Event("quire-theme")));

  onKeyWanted(askForKey);
  chooseWith(document.getElementById("choose-files"));
  takeFilesAnywhere();
  closeMenusAsExpected();
  startRouter([...SECTIONS, { path: "/", view: "search" }], document.getElementById("content"), (route) => {
    for (const link of links) link.toggleAttribute("aria-current", false);
    links.find((link) => link.dataset.view === route.view)?.setAttribute("aria-current", "page");
  });
}

start();
