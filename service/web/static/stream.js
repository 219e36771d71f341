// One stream under review, without a picture of it: which breaks are doubtful, which comes next, what was seen before.

/** @typedef {{page_id: string, path: string, page_number: number, label: string|null, flags: string[], blank: boolean}} StreamPage */
/** @typedef {{after: string, is_break: boolean, probability: number, decided: Decision, who: string|null}} Break `who` is null where a rule decided. */
/** @typedef {{document: string, first: number, last: number, confidence: number, decided: boolean}} StreamDocument */
/** @typedef {"break"|"join"|null} Decision */
/** @typedef {"decided"|"sure"|"doubtful"} Certainty */
/**
 * @typedef {object} Proposal
 * @property {string} stream
 * @property {StreamPage[]} pages
 * @property {Break[]} breaks one fewer than pages
 * @property {StreamDocument[]} documents
 * @property {number[]} review_order positions of the undecided breaks, least certain first
 * @property {number} doubtful how many of them, from the first on, are doubtful
 * @property {number|null} known_count
 * @property {string[]} notes what would make the proposal better, or could not be heeded
 */

/** @param {Proposal} first */
export function createStream(first) {
  /** @type {Proposal} */
  let proposal = first;
  /** @type {Set<number>} */
  let doubtful = new Set();
  /** @type {Map<string, number>} */
  let positions = new Map();
  /** Breaks passed over without a decision: they come again when all others have been seen. @type {Set<string>} */
  const passed = new Set();
  /** The way here, and how far it was gone back. @type {string[]} */
  const trail = [];
  let place = -1;

  /** @param {Proposal} next */
  function take(next) {
    proposal = next;
    doubtful = new Set(next.review_order.slice(0, next.doubtful));
    positions = new Map(next.breaks.map((one, i) => [one.after, i]));
  }

  /** The break to look at when there is no other wish: the least certain one not passed over. @returns {number|null} */
  function leastCertain() {
    const open = proposal.review_order.filter((i) => !proposal.breaks[i].decided);
    if (!open.length) return null;
    const fresh = open.find((i) => !passed.has(proposal.breaks[i].after));
    if (fresh !== undefined) return fresh;
    passed.clear();
    return open[0];
  }

  take(first);
  return {
    take,
    get: () => proposal,
    /** @param {number} i @returns {Certainty} */
    certainty: (i) => (proposal.breaks[i].decided ? "decided" : doubtful.has(i) ? "doubtful" : "sure"),
    /** How many doubtful breaks remain, those just decided here left out. */
    remaining: () => proposal.review_order.slice(0, proposal.doubtful).filter((i) => !proposal.breaks[i].decided).length,
    /** @param {string|null} after @returns {number|null} */
    position: (after) => positions.get(after ?? "") ?? null,
    leastCertain,
    /** The undecided breaks that are not doubtful, as the decisions that accept them. */
    sure: () =>
      proposal.review_order
        .slice(proposal.doubtful)
        .map((i) => proposal.breaks[i])
        .filter((one) => !one.decided)
        .map(({ after, is_break }) => ({ after, decision: is_break ? "break" : "join" })),
    /** The number of the document that a page is in, counted from 0. @param {number} page */
    documentOf(page) {
      let [low, high] = [0, proposal.documents.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (proposal.documents[middle].first <= page) low = middle;
        else high = middle - 1;
      }
      return low;
    },
    /** Write a decision down here before the service has answered, so that nobody waits. @param {number} i @param {Decision} decision */
    decide(i, decision) {
      const one = proposal.breaks[i];
      one.decided = decision;
      if (decision) one.is_break = decision === "break";
      if (decision) one.probability = Number(one.is_break);
      one.who = decision && "you";
    },
    /** Note where the reader is; going back along the trail notes nothing new. @param {number} i */
    visit(i) {
      const { after } = proposal.breaks[i];
      if (trail[place] === after) return;
      trail.splice(place + 1, Infinity, after);
      place = trail.length - 1;
    },
    /** @returns {number|null} the break seen before this one */
    back() {
      if (place <= 0) return null;
      place -= 1;
      return positions.get(trail[place]) ?? null;
    },
    /** @returns {number|null} forward along the trail, and from its end to the least certain break not seen yet */
    forward() {
      if (place >= 0 && place < trail.length - 1) {
        place += 1;
        return positions.get(trail[place]) ?? null;
      }
      if (place >= 0) passed.add(trail[place]);
      return leastCertain();
    },
  };
}

/** "62 %", and never 0 or 100 of what is not certain. @param {number} share */
export function percent(share) {
  if (share <= 0) return "0 %";
  if (share >= 1) return "100 %";
  return `${Math.min(Math.max(Math.round(100 * share), 1), 99)} %`;
}

/** What to call a page: a file with several pages needs the number too. @param {StreamPage} page */
export const pageName = (page) => {
  const file = page.path.slice(page.path.lastIndexOf("/") + 1);
  return page.page_number > 1 ? `${file}, page ${page.page_number}` : file;
};
