// The map: every page a dot, pages that look alike close together. ?by= colours, &hide= values not shown, &at= the view, &lasso= a selection.

import { emptyState, notice, segmented, toast } from "../components.js";
import { announce, h } from "../dom.js";
import { count, counted, moment } from "../format.js";
import { openLightbox } from "../lightbox.js";
import { createPageCache, loadColours, loadColumns, loadMap } from "../mapdata.js";
import { createLegend } from "../maplegend.js";
import { createMapMaker } from "../mapmake.js";
import { createSelection } from "../mapselection.js";
import { createStage } from "../mapstage.js";
import { addressWith, navigate } from "../router.js";

export const title = "Map";

const METHODS = { tsne: "t-SNE", umap: "UMAP", pca: "PCA" };
const NONE = { label: "no label", cluster: "not clustered", group: "no group", document: "no document", flags: "no flags" };
/** A lasso has this many corners in the address at most. */
const CORNERS = 40;

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  let shown = { close() {} };

  async function begin() {
    shown.close();
    root.replaceChildren();
    const [map, running] = await Promise.all([loadMap(api), runningJob(api)]);
    shown = map?.meta.pages ? await showMap(root, map, api, running, begin) : showNone(root, running, begin);
  }

  await begin();
  return { update: (wanted) => shown.update?.(wanted), close: () => shown.close() };
}

async function runningJob(api) {
  const jobs = await api.get("/jobs");
  return jobs.find((job) => job.kind === "map" && ["queued", "running"].includes(job.state))?.id ?? null;
}

function showNone(root, running, begin) {
  const maker = createMapMaker(null, (job) => finish(job, begin));
  root.append(
    h("div", { class: "view-head" }, h("h1", {}, "Map"), h("p", { class: "lede" }, "Every page a dot, and pages that look alike close together.")),
    emptyState("There is no map yet.", h("p", {}, "It is made once, from all pages, and kept with the library.")),
    h("section", { class: "sheet map-first", "aria-label": "Make the map" }, maker.form),
  );
  if (running) maker.follow(running);
  return { close: maker.close };
}

function finish(job, begin) {
  if (job.state === "failed") toast(`The map could not be made: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
  if (job.state !== "done") return;
  history.replaceState(history.state, "", addressWith({ at: null, lasso: null, only: null }));
  begin();
}

async function showMap(root, map, api, running, begin) {
  const { meta, idOf, unplaced } = map;
  const flat = meta.dims === 2;
  const cache = createPageCache(api);
  const maker = createMapMaker(meta, (job) => finish(job, begin));
  /** @type {import("../mapdata.js").Colours} */
  let colours;
  let stage;
  const here = () => new URLSearchParams(location.search);
  const hiddenHere = () => new Set(here().getAll("hide"));
  // The view's own small changes: nothing needs to be shown anew for them.
  const note = (changes) => history.replaceState(history.state, "", addressWith(changes));

  const by = h("select", { id: "map-by", on: { change: () => navigate(addressWith({ by: by.value, hide: null }), { replace: true }) } });
  const tools = segmented("Tool", "map-tool", [["move", flat ? "Move" : "Turn"], ["lasso", "Lasso"], ["box", "Box"]], "move", (tool) => stage.setTool(tool));
  const view = h("p", { class: "map-view hint", role: "status" });
  const legend = createLegend({ onHide: hide, onSelect: selectValue });
  const selection = createSelection(api, { cache, idOf, onClear: () => select(null, {}), onChange: recolour });

  function hide(hidden) {
    note({ hide: [...hidden] });
    stage.setHidden(hidden);
  }

  /** @param {number[]|null} indices @param {{lasso?: string, only?: string}} address */
  function select(indices, { lasso = null, only = null }) {
    note({ lasso, only });
    stage.setPicked(indices);
    selection.show(indices);
  }

  function selectValue(name) {
    const value = name === "" ? colours.names.length : colours.names.indexOf(name);
    const indices = [];
    for (let i = 0; i < colours.values.length; i += 1) if (colours.values[i] === value) indices.push(i);
    select(indices, { only: name });
  }

  async function recolour() {
    const wanted = here().get("by") ?? by.options[0]?.value ?? "label";
    try {
      colours = await loadColours(api, wanted);
    } catch (error) {
      toast(error.message, { bad: true });
      return;
    }
    by.value = wanted;
    stage.setColours(colours, hiddenHere());
    drawLegend();
    if (wanted === "group") selection.offer(colours.names);
  }

  const drawLegend = () => legend.show(colours, stage.colours(), hiddenHere(), NONE[colours.by] ?? "no value");

  async function openPage(i, near) {
    const pages = await cache.get([i, ...near].map(idOf));
    if (pages.length) openLightbox(pages.map((page) => ({ page })), 0, { onLeave: () => stage.surface.focus({ preventScroll: true }) });
  }

  stage = createStage(map, api, {
    pageOf: async (i) => (await cache.get([idOf(i)]))[0],
    onOpen: (i, near) => openPage(i, near).catch((error) => toast(error.message, { bad: true })),
    onSelect: (indices, polygon) => select(indices, flat ? { lasso: written(polygon) } : {}),
    onMove: (camera) => note({ at: writtenCamera(camera, flat) }),
    onView: (total) => {
      view.textContent = `${count(total)} in view`;
    },
  });
  // Before the stage is shown: once it has settled, it writes its own view into the address.
  look(here());
  const watchTheme = new MutationObserver(() => colours && drawLegend());
  watchTheme.observe(document.documentElement, { attributeFilter: ["data-theme"] });

  const again = h("details", { class: "panel map-again" }, h("summary", { class: "button" }, "Make anew"), h("div", { class: "panel-sheet" }, h("h2", {}, "Make the map anew"), maker.form));
  const told = h("p", { class: "lede", title: `made ${moment(meta.made)}` }, [`${counted(meta.pages, "page")}, ${METHODS[meta.method] ?? meta.method} in ${meta.dims} dimensions`, meta.colour ? `, colours weighed ${Math.round(100 * meta.colour)} %` : null, unplaced ? `; ${count(unplaced)} newer not placed yet` : null, meta.is_older ? "; made with another model" : null].filter(Boolean).join(""));
  root.append(
    h("div", { class: "map-head" }, h("h1", {}, "Map"), told, h("div", { class: "map-by row" }, h("label", { for: "map-by" }, "Coloured by"), by), again),
    h(
      "div",
      { class: "map-desk" },
      h("div", { class: "map-main" }, stage.element, toolbar(tools, view, stage, () => select(stage.inView(), {})), selection.element),
      legend.element,
    ),
  );
  if (running) {
    again.open = true;
    maker.follow(running);
  }
  by.replaceChildren(...(await loadColumns(api)).map(([value, text]) => h("option", { value }, text)));
  if (!here().has("by")) by.value = "label";
  await recolour();
  await restore(here());
  announce(`Map of ${counted(meta.pages, "page")}`);
  offerGroups();

  async function offerGroups() {
    const { counts } = await api.get("/facets/group");
    selection.offer(Object.keys(counts).sort());
  }

  function look(wanted) {
    const at = (wanted.get("at") ?? "").split(",").map(Number);
    if (at.length === (flat ? 3 : 5) && at.every(Number.isFinite)) stage.look({ x: at[0], y: at[1], zoom: at[2], ...(flat ? {} : { yaw: at[3], pitch: at[4] }) });
  }

  /** A selection that came with the address. */
  async function restore(wanted) {
    const polygon = (wanted.get("lasso") ?? "").split(",").map(Number);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    if (flat && polygon.length >= 6 && polygon.every(Number.isFinite)) select(stage.within(corners(polygon)), { lasso: wanted.get("lasso") });
    else if (wanted.has("only")) selectValue(wanted.get("only"));
  }

  return {
    update: recolour,
    close() {
      watchTheme.disconnect();
      maker.close();
      stage.close();
    },
  };
}

function toolbar(tools, view, stage, selectAll) {
  const button = (text, name, run) => h("button", { type: "button", class: "button icon-button", "aria-label": name, title: name, on: { click: run } }, text);
  return h(
    "div",
    { class: "map-tools", role: "group", "aria-label": "Map tools" },
    tools,
    button("+", "Zoom in", () => stage.zoom(1.5)),
    button("−", "Zoom out", () => stage.zoom(1 / 1.5)),
    h("button", { type: "button", class: "button", on: { click: () => stage.home() } }, "Whole map"),
    h("button", { type: "button", class: "button", on: { click: selectAll } }, "Select in view"),
    view,
  );
}

const short = (number) => String(Number(number.toPrecision(4)));

function writtenCamera({ x, y, zoom, yaw, pitch }, flat) {
  const turned = flat ? [] : [yaw, pitch];
  if (flat && x === 0 && y === 0 && zoom === 1) return null;
  return [x, y, zoom, ...turned].map(short).join(",");
}

function written(polygon) {
  const step = Math.max(1, Math.ceil(polygon.length / CORNERS));
  return polygon.filter((_, i) => i % step === 0).map(({ x, y }) => `${short(x)},${short(y)}`).join(",");
}

function corners(numbers) {
  const made = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) made.push({ x: numbers[i], y: numbers[i + 1] });
  return made;
}
