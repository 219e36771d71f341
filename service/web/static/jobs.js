// Long work: starting it, and following how far it is.

import { api } from "./api.js";
import { progressBar, toast } from "./components.js";
import { announce, h } from "./dom.js";
import { count, counted, duration, moment } from "./format.js";

const KINDS = { index: "Index", reindex: "Re-index", cluster: "Cluster", meaning: "Cluster by meaning", "read-text": "Read text", documents: "Documents", duplicates: "Duplicates", map: "Map", probe: "Probe", finetune: "Fine-tune", evaluate: "Compare labels" };
const STATES = { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" };

/** Before a stream of progress that was cut is asked for again. */
const PAUSE_MS = 1000;

/** @param {import("./types.js").Job} job */
export const isOver = (job) => ["done", "failed", "cancelled"].includes(job.state);

/**
 * Start a job; null when it was refused, which is then said.
 * @param {Record<string, unknown>} request
 * @returns {Promise<import("./types.js").Job|null>}
 */
export async function startJob(request) {
  try {
    return await api.post("/jobs", request);
  } catch (error) {
    toast(error.message, { bad: true });
    return null;
  }
}

/**
 * A job as a card that follows it to its end.
 * @param {string} jobId
 * @param {{onEnd?: (job: import("./types.js").Job) => void}} [options] `onEnd` is also told of a job so short that it is over already
 */
export function jobCard(jobId, { onEnd } = {}) {
  const bar = progressBar("Progress of the job");
  const name = h("h3");
  const state = h("span", { class: "job-state" });
  const line = h("p", { class: "job-line" });
  const problem = h("p", { class: "job-problem", hidden: true });
  const cancel = h("button", { type: "button", class: "button", hidden: true }, "Cancel");
  const element = h("article", { class: "job", "data-job": jobId }, h("div", { class: "job-head" }, name, state, cancel), bar.element, line, problem);
  const leaving = new AbortController();
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      show(await api.remove(`/jobs/${jobId}`));
    } catch (error) {
      toast(error.message, { bad: true });
    }
  });

  /** @param {import("./types.js").Job} job */
  function show(job) {
    name.textContent = KINDS[job.kind] ?? job.kind;
    state.textContent = STATES[job.state] ?? job.state;
    element.dataset.state = job.state;
    cancel.hidden = isOver(job);
    bar.element.hidden = isOver(job);
    problem.hidden = !job.error;
    problem.textContent = job.error?.detail ?? "";
    if (isOver(job)) line.textContent = [moment(job.created), progressWords(job.progress, true)].filter(Boolean).join(" · ");
    else showProgress(job.progress);
  }

  function showProgress(progress) {
    if (!progress) return;
    state.textContent = "running";
    element.dataset.state = "running";
    bar.set(progress.done, progress.total);
    line.textContent = progressWords(progress, false);
  }

  async function followToEnd() {
    const listener = (event, data) => event === "progress" && showProgress(data.progress);
    let job = await api.get(`/jobs/${jobId}`, {}, leaving.signal);
    show(job);
    while (!isOver(job)) {
      await api.follow(`/jobs/${jobId}/events`, listener, leaving.signal);
      // The stream has ended: the job itself says how.
      job = await api.get(`/jobs/${jobId}`, {}, leaving.signal);
      show(job);
      // It goes on, so something on the way has cut the stream.
      if (!isOver(job)) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    if (!onEnd) return;
    announce(`${KINDS[job.kind] ?? job.kind}: ${STATES[job.state] ?? job.state}`);
    onEnd(job);
  }

  followToEnd().catch((error) => {
    if (error.name === "AbortError") return;
    problem.hidden = false;
    problem.textContent = error.message;
  });
  return { element, close: () => leaving.abort() };
}

/**
 * @param {import("./types.js").Progress|null} progress
 * @param {boolean} over
 */
function progressWords(progress, over) {
  if (!progress) return "";
  const { stage, done, total, skipped, rate_per_s: rate, eta_s: eta } = progress;
  return [
    stage,
    total && !over ? `${count(done)} of ${count(total)}` : count(done),
    rate && !over ? `${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)} per second` : null,
    eta && !over ? `${duration(eta)} to go` : null,
    skipped ? `${counted(skipped, "page")} skipped` : null,
  ].filter(Boolean).join(" · ");
}
