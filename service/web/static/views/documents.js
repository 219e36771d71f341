// Documents: the streams of the library, the most doubtful first; ?stream=S reviews one, &at=PAGE_ID one break of it.

import { emptyState, segmented, toast } from "../components.js";
import { h } from "../dom.js";
import { count, counted } from "../format.js";
import { jobCard, startJob } from "../jobs.js";
import { reviewStream } from "../review.js";

export const title = "Documents";

const ORDERS = {
  doubtful: (a, b) => b.doubtful - a.doubtful || byName(a, b),
  name: (a, b) => byName(a, b),
  pages: (a, b) => b.pages - a.pages || byName(a, b),
};
/** Rows at once; a library can have thousands of streams. */
const AT_ONCE = 200;

/** @typedef {{stream: string, pages: number, documents: number, decided: number, doubtful: number}} StreamSummary */

const byName = (a, b) => a.stream.localeCompare(b.stream, "en", { numeric: true });

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  /** @type {{name?: string, goTo?: (at: string|null) => void, close: () => void}} */
  let shown = { close() {} };
  async function update(wanted) {
    const name = wanted.get("stream");
    if (name !== null && shown.name === name) return shown.goTo(wanted.get("at"));
    shown.close();
    root.replaceChildren();
    root.classList.toggle("view-review", name !== null);
    shown = name === null ? await listStreams(root, api) : await reviewStream(root, name, wanted.get("at"), api);
  }
  await update(params);
  return { update, close: () => shown.close() };
}

async function listStreams(root, api) {
  let order = "doubtful";
  let most = AT_ONCE;
  /** @type {StreamSummary[]} */
  let streams = [];
  /** @type {ReturnType<typeof jobCard>|null} */
  let card = null;
  const summary = h("p", { class: "lede" });
  const list = h("ul", { class: "streams", "aria-label": "Streams" });
  const find = h("input", { type: "search", id: "find-stream", placeholder: "Part of its name", on: { input: show } });
  const more = h("button", { type: "button", class: "button more", on: { click: () => ((most += AT_ONCE), show()) } }, "More streams");
  const progress = h("div", { class: "recluster-progress" });
  const propose = h("button", { type: "button", class: "button", on: { click: start } }, "Propose for all");
  const sorting = segmented("Order", "order", [["doubtful", "Most doubtful first"], ["pages", "Largest first"], ["name", "By name"]], order, (value) => {
    order = value;
    show();
  });

  function show() {
    const wanted = streams.filter((one) => one.stream.toLowerCase().includes(find.value.toLowerCase())).sort(ORDERS[order]);
    list.replaceChildren(...wanted.slice(0, most).map(streamRow));
    if (!wanted.length) list.replaceChildren(h("li", {}, streams.length ? emptyState("No stream is called so.") : nothingYet()));
    more.hidden = wanted.length <= most;
  }

  async function load() {
    streams = await api.get("/streams");
    const sum = (field) => streams.reduce((all, one) => all + one[field], 0);
    const doubtful = sum("doubtful");
    const held = `${counted(sum("pages"), "page")} in ${counted(streams.length, "stream")}`;
    const doubts = doubtful ? `${counted(doubtful, "break")} in doubt.` : "No break is in doubt.";
    const found = sum("documents") ? `put together to ${counted(sum("documents"), "document")}. ${doubts}` : "not yet put together.";
    summary.textContent = streams.length ? `${held}, ${found}` : "Single scans, put back together.";
    propose.classList.toggle("button-primary", streams.some((one) => !one.documents));
    show();
  }

  async function start() {
    const job = await startJob({ kind: "documents" });
    if (!job) return;
    card?.close();
    card = jobCard(job.id, { onEnd: end });
    progress.replaceChildren(card.element);
  }

  function end(job) {
    if (job.state === "failed") toast(`Proposing failed: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
    if (job.state === "done") load().catch((error) => toast(error.message, { bad: true }));
  }

  root.append(
    h(
      "div",
      { class: "view-head" },
      h("h1", {}, "Documents"),
      summary,
      h("div", { class: "view-tools" }, sorting, h("label", { class: "visually-hidden", for: "find-stream" }, "Find a stream"), find, propose),
    ),
    progress,
    list,
    more,
  );
  await load();
  return { close: () => card?.close() };
}

const nothingYet = () => emptyState("There is no stream yet.", h("p", {}, "A stream is a folder of single-page scans in their order. Index some, and they are here."));

/** @param {StreamSummary} one */
function streamRow(one) {
  const breaks = Math.max(one.pages - 1, 0);
  const share = (number) => `${breaks ? (100 * number) / breaks : 0}%`;
  const sure = Math.max(breaks - one.decided - one.doubtful, 0);
  const measured = one.documents > 0;
  const state = !measured ? "not proposed yet" : !breaks ? "a single page" : one.doubtful ? `${count(one.doubtful)} doubtful` : one.decided === breaks ? "all decided" : "no doubt left";
  return h(
    "li",
    {},
    h(
      "a",
      { class: "stream", href: `/documents?stream=${encodeURIComponent(one.stream)}` },
      h("span", { class: "stream-name" }, one.stream),
      h("span", { class: "stream-facts" }, [counted(one.pages, "page"), one.documents && counted(one.documents, "document")].filter(Boolean).join(", ")),
      h("span", { class: measured ? "stream-bar" : "stream-bar stream-blank", "aria-hidden": "true", vars: { "--decided": share(one.decided), "--sure": share(one.decided + sure) } }),
      h("span", { class: one.doubtful ? "stream-state stream-open" : "stream-state" }, state),
      h("span", { class: "visually-hidden" }, one.decided ? `${count(one.decided)} of ${counted(breaks, "break")} decided` : ""),
    ),
  );
}
