// The review of one stream: the least certain break first, one key to cut or join, every decision saved at once.

import { toast } from "./components.js";
import { createDesk, remainingWords } from "./desk.js";
import { announce, h } from "./dom.js";
import { breakWords, createFilmstrip } from "./filmstrip.js";
import { count, counted } from "./format.js";
import { countPanel, exportPanel, keysAreOn, notesPanel, showHelp } from "./reviewtools.js";
import { addressWith } from "./router.js";
import { createStream } from "./stream.js";

/** Decisions in one request: as many as the service takes. */
const AT_ONCE = 10_000;

/** While nobody can have answered yet, the break shown may still give way to one that has become less certain. */
const UNSEEN_MS = 350;

/**
 * @param {HTMLElement} root
 * @param {string} name the stream
 * @param {string|null} at page_id of the page before the break to begin with
 * @param {typeof import("./api.js").api} api
 */
export async function reviewStream(root, name, at, api) {
  const stream = createStream(await api.get("/documents", { stream: name }));
  let position = -1;
  /** Requests go one after the other, so that the last answer is the truth. */
  let queue = Promise.resolve();
  let unsaved = 0;
  /** When the break in view was chosen for the reader; never, if by the reader. */
  let chosenAt = -Infinity;

  const counter = h("p", { class: "review-counter", "aria-live": "polite", "aria-atomic": "true" });
  const saved = h("span", { class: "review-saved hint", "aria-hidden": "true" });
  const facts = h("span", { class: "hint" });
  const acceptAll = h("button", { type: "button", class: "button", "aria-keyshortcuts": "a", on: { click: acceptSure } });
  const known = countPanel((number) => save(() => api.put("/documents/known-count", { stream: name, count: number })));
  const handOver = exportPanel(name, api);
  const notes = notesPanel();
  const help = h("button", { type: "button", class: "button button-quiet icon-button", "aria-label": "Keys and signs", "aria-keyshortcuts": "?", on: { click: showHelp } }, "?");
  const desk = createDesk(stream, { decide, back: () => go(stream.back()), forward, undo });
  const strip = createFilmstrip(stream, (i) => go(i));
  const head = h(
    "div",
    { class: "review-head" },
    h("div", { class: "review-title" }, h("a", { class: "hint", href: "/documents" }, "Documents"), h("h1", {}, name), facts),
    h("div", { class: "review-state" }, counter, saved),
    h("div", { class: "review-tools" }, acceptAll, notes.element, known.element, handOver.element, help),
  );
  const leaving = new AbortController();

  function describe() {
    const { pages, documents } = stream.get();
    const sure = stream.sure().length;
    facts.textContent = `${counted(pages.length, "page")}, ${counted(documents.length, "document")}`;
    const told = remainingWords(stream);
    if (counter.textContent !== told) counter.textContent = told;
    counter.classList.toggle("review-done", !stream.remaining());
    saved.textContent = unsaved ? "saving…" : "all saved";
    acceptAll.replaceChildren(`Accept ${count(sure)} sure `, h("kbd", {}, "a"));
    acceptAll.setAttribute("aria-label", `Accept the ${counted(sure, "sure break")}`);
    acceptAll.disabled = !sure;
    known.show(stream.get());
    notes.show(stream.get());
    handOver.show(stream.get(), position < 0 ? 0 : stream.documentOf(position));
  }

  /** @param {number|null} wanted */
  function go(wanted) {
    if (wanted === null) return;
    position = wanted;
    chosenAt = -Infinity;
    stream.visit(position);
    show();
    announce(`${breakWords(stream, position)}.`);
    history.replaceState(history.state, "", addressWith({ stream: name, at: stream.get().breaks[position].after }));
  }

  function show() {
    if (position >= 0) {
      desk.show(position);
      strip.choose(position);
      desk.prepare(stream.get().review_order.slice(0, 6).filter((i) => i !== position && !stream.get().breaks[i].decided).slice(0, 3));
    }
    describe();
  }

  function forward() {
    const next = stream.forward();
    if (next === null) announce("Every break is decided.");
    else go(next);
  }

  /** @param {import("./stream.js").Decision} decision */
  function decide(decision) {
    if (position < 0) return;
    const { after } = stream.get().breaks[position];
    if (stream.get().breaks[position].decided === decision) return forward();
    stream.decide(position, decision);
    send([{ after, decision }]);
    strip.update();
    const next = decision === null ? null : stream.leastCertain();
    if (next === null) return show();
    go(next);
    chosenAt = performance.now();
  }

  function acceptSure() {
    const sure = stream.sure();
    if (!sure.length) return;
    for (let i = 0; i < sure.length; i += AT_ONCE) send(sure.slice(i, i + AT_ONCE));
    toast(`${counted(sure.length, "sure break")} accepted`, { action: { name: "Undo", run: undo } });
  }

  /** @param {{after: string, decision: import("./stream.js").Decision}[]} decisions */
  function send(decisions) {
    return save(() => api.post("/documents/decisions", { stream: name, decisions }));
  }

  /** The last decision in this stream, also one from before the page was loaded. */
  function undo() {
    return save(async () => {
      const entries = await api.get("/history", { limit: 1000 });
      const last = entries.find((one) => one.kind === "break" && !one.undone && one.details.stream === name);
      if (!last) {
        announce("There is nothing to undo.");
        return null;
      }
      await api.post("/undo", { entry: last.entry });
      return api.get("/documents", { stream: name });
    }, true);
  }

  /**
   * @param {() => Promise<import("./stream.js").Proposal|null>} ask answers with the new proposal
   * @param {boolean} [follow] show the first break whose decision has changed
   */
  function save(ask, follow = false) {
    unsaved += 1;
    describe();
    queue = queue.then(ask).then(
      (answer) => settle(answer, follow),
      async (error) => {
        toast(error.message, { bad: true });
        settle(await api.get("/documents", { stream: name }).catch(() => null), false);
      },
    );
    return queue;
  }

  /** Answers to requests that others have followed are out of date already. */
  function settle(answer, follow) {
    unsaved -= 1;
    if (answer && !unsaved && !leaving.signal.aborted) replace(answer, follow);
    else describe();
  }

  function replace(answer, follow) {
    const old = stream.get();
    const here = old.breaks[position]?.after ?? null;
    stream.take(answer);
    strip.update();
    const changed = follow ? answer.breaks.findIndex((one, i) => one.decided !== old.breaks[i]?.decided) : -1;
    if (changed >= 0) return go(changed);
    const doubted = performance.now() - chosenAt < UNSEEN_MS ? stream.leastCertain() : null;
    if (doubted !== null) return go(doubted);
    // The same pair of pages stays in view, whatever has been learned meanwhile.
    position = stream.position(here) ?? stream.leastCertain() ?? Math.min(0, answer.breaks.length - 1);
    show();
  }

  const runs = {
    n: forward, ArrowRight: forward, p: () => go(stream.back()), ArrowLeft: () => go(stream.back()),
    c: () => decide("break"), " ": () => decide("break"), j: () => decide("join"), Enter: accept, u: undo, a: acceptSure, "?": showHelp,
  };

  function accept() {
    const one = stream.get().breaks[position];
    if (one) decide(one.is_break ? "break" : "join");
  }

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const from = event.target instanceof Element ? event.target : document.body;
    if (from.closest("input, select, textarea, .panel[open]")) return;
    // Enter and Space press the button that has the focus.
    if ((event.key === "Enter" || event.key === " ") && from.closest("button, a, summary")) return;
    if (event.key.length === 1 && event.key !== " " && !keysAreOn()) return;
    const beside = event.shiftKey ? { ArrowRight: position + 1, ArrowLeft: position - 1 }[event.key] : undefined;
    const run = beside === undefined ? runs[event.key] : () => stream.get().breaks[beside] && go(beside);
    if (!run || event.repeat) return event.repeat && run && event.preventDefault();
    event.preventDefault();
    run();
  }

  /** After a click the focus goes to the desk, so that Enter and Space mean the break again and not the button. */
  function releaseFocus(event) {
    if (event.detail && event.target.closest(".desk, .strip, .review-tools > .button")) desk.element.focus({ preventScroll: true });
  }

  const hold = (event) => unsaved && event.preventDefault();
  document.addEventListener("keydown", onKey, { signal: leaving.signal });
  window.addEventListener("beforeunload", hold, { signal: leaving.signal });
  const body = h("div", { class: "review" }, head, desk.element, h("div", { class: "review-strip" }, strip.overview, strip.element));
  body.addEventListener("click", releaseFocus);
  root.append(body);
  strip.update();
  if (stream.get().breaks.length) go(stream.position(at) ?? stream.leastCertain() ?? 0);
  else describe();

  return {
    name,
    /** @param {string|null} wanted */
    goTo: (wanted) => go(stream.position(wanted)),
    close() {
      leaving.abort();
      strip.close();
    },
  };
}
