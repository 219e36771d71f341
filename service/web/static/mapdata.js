// What the map page fetches: positions, ids and colours as compact arrays, pages only as they are looked at.

import { normalise } from "./mapcamera.js";

/** Ids of one request: an expression may have 1,000 characters. */
const IDS_AT_ONCE = 25;
const ID_LENGTH = 36;
const KEPT_PAGES = 2000;
/** What `values` holds for a page without a value. */
const NONE = 65535;

/** @typedef {{method: string, dims: 2|3, seed: number, pages: number, made: string, is_older: boolean}} MapMeta */
/** @typedef {{by: string, names: string[], counts: number[], colours: string[], values: Uint16Array, none: number}} Colours `values` of a page without one is names.length */

/**
 * The map of the library; null where there is none yet.
 * @param {typeof import("./api.js").api} api
 * @returns {Promise<{meta: MapMeta, places: Float32Array, extent: {wide: number, high: number}, unplaced: number, idOf: (i: number) => string}|null>}
 */
export async function loadMap(api) {
  /** @type {MapMeta} */
  let meta;
  try {
    meta = await api.get("/map");
  } catch (error) {
    if (error.code === "map-missing") return null;
    throw error;
  }
  const [points, ids] = await Promise.all([
    api.raw("/map/points").then((answer) => answer.arrayBuffer()),
    api.raw("/map/ids").then((answer) => answer.text()),
  ]);
  // All ids have one length, so the text itself is the list: 900,000 strings would take five times the memory.
  const idOf = (i) => ids.slice(i * (ID_LENGTH + 1), i * (ID_LENGTH + 1) + ID_LENGTH);
  return { meta, idOf, ...normalise(new Float32Array(points), meta.dims) };
}

/**
 * @param {typeof import("./api.js").api} api
 * @param {string} by
 * @returns {Promise<Colours>}
 */
export async function loadColours(api, by) {
  const { names, counts, colours, values } = await api.get("/map/colours", { by });
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  const numbers = new Uint16Array(bytes.buffer);
  let none = 0;
  for (let i = 0; i < numbers.length; i += 1) {
    if (numbers[i] !== NONE) continue;
    numbers[i] = names.length;
    none += 1;
  }
  return { by, names, counts, colours, values: numbers, none };
}

/** What a map can be coloured by: field and name, the metadata columns that the first pages have among them. */
export async function loadColumns(api) {
  const fields = [["label", "Label"], ["cluster", "Cluster"], ["group", "Group"], ["document", "Document"], ["notebook", "Notebook"], ["flags", "Flags"], ["root", "Root"]];
  const { pages } = await api.get("/pages", { limit: 200 });
  const columns = new Set(pages.flatMap((page) => Object.keys(page.metadata ?? {})));
  return [...fields, ...[...columns].sort().map((name) => [`metadata.${name}`, name])];
}

/**
 * Pages by id, in the order asked; those that are gone are left out.
 * @param {typeof import("./api.js").api} api
 */
export function createPageCache(api) {
  /** @type {Map<string, import("./types.js").Page>} */
  const known = new Map();

  async function fetchSome(ids) {
    const { pages } = await api.get("/pages", { filter: `page_id=${ids.join(",")}`, limit: IDS_AT_ONCE });
    for (const page of pages) known.set(page.page_id, page);
  }

  return {
    /** @param {string[]} ids @param {(share: number) => void} [progress] */
    async get(ids, progress = () => {}) {
      const missing = ids.filter((id) => !known.has(id));
      for (let i = 0; i < missing.length; i += IDS_AT_ONCE) {
        progress(i / missing.length);
        await fetchSome(missing.slice(i, i + IDS_AT_ONCE));
      }
      const found = ids.map((id) => known.get(id)).filter(Boolean);
      if (known.size > KEPT_PAGES) known.clear();
      return found;
    },
    /** After a decision, what was known is no longer true. */
    forget: () => known.clear(),
  };
}
