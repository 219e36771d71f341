// The shapes that the HTTP calls answer with (indexer/library/results.py); nothing here runs.

/**
 * @typedef {object} Page
 * @property {string} page_id
 * @property {string} root
 * @property {string} path
 * @property {number} page_number
 * @property {number} pages_in_file
 * @property {number} width_px
 * @property {number} height_px
 * @property {number} bytes
 * @property {string|null} label
 * @property {number|null} cluster
 * @property {string|null} group
 * @property {string|null} document
 * @property {string[]} flags
 * @property {string|null} rescanned
 * @property {string[]} rescanned_for
 * @property {Record<string, string|number|boolean>} metadata
 */
/** @typedef {{text: string, is_match: boolean}} SnippetPart A piece of what was read on a page. */
/** @typedef {{similarity?: number|null, page: Page, snippet?: SnippetPart[]}} Item A page in a grid; `similarity` and `snippet` where it answers a query. */
/** @typedef {{name: string, page_number: number, pages: Item[]}} SimilarAnswer */
/** @typedef {{name: string, reason: string, page_number: number|null}} Unreadable */
/**
 * @typedef {object} Classification
 * @property {string} name
 * @property {number} page_number
 * @property {number} cluster
 * @property {string|null} group
 * @property {number} similarity
 * @property {number|null} runner_up
 * @property {string|null} runner_up_group
 * @property {number} margin
 * @property {number} threshold
 * @property {boolean} unknown
 */
/**
 * @typedef {object} LabelGuess
 * @property {string} label
 * @property {number} probability
 * @property {string|null} runner_up
 * @property {number|null} runner_up_probability
 * @property {number} similarity
 * @property {number} threshold
 * @property {boolean} unknown
 * @property {string} method
 */
/**
 * @typedef {object} Cluster
 * @property {number} cluster
 * @property {number} size
 * @property {string|null} group
 * @property {number} inertia
 * @property {string[]} exemplars
 * @property {number} similarity_median
 * @property {number} similarity_low
 * @property {string[]} names
 */
/** @typedef {{word: string, similarity: number}} WordSuggestion */
/** @typedef {{group: string|null, clusters: number[], pages: number, entry: number}} NameReport */
/** @typedef {{entry: number, kind: string, who: string, when: string, text: string, undone: boolean, undoable: boolean}} HistoryEntry */
/** @typedef {{group: string, pages: number, share: number}} Candidate */
/** @typedef {{number: number, kind: string, cluster: number, text: string, candidates: Candidate[], suggestion: string|null, pages: number}} Question */
/** @typedef {{page: Page, state: "open"|"again"|"done"|"fine", reasons: string[], note: string|null, who: string|null}} RescanLine */
/** @typedef {{flag: string, text: string, pages: number, wants_rescan: boolean}} FlagCount */
/** @typedef {{stage: string, done: number, total: number|null, skipped: number, rate_per_s: number, eta_s: number|null}} Progress */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {"queued"|"running"|"done"|"failed"|"cancelled"} state
 * @property {Progress|null} progress
 * @property {{title: string, detail: string}|null} error
 * @property {any} report
 * @property {string} created
 */
/** @typedef {{update?: (params: URLSearchParams) => void|Promise<void>, close?: () => void}} Shown What a view's `render` leaves behind. */
/** @typedef {{title: string, render: (root: HTMLElement, params: URLSearchParams, api: typeof import("./api.js").api) => Promise<Shown|void>}} View */

export {};
