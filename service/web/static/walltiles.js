// The tiles of the wall: fetched when wanted, a bounded number kept, the oldest looked at let go first.

const KEPT = 120;
const AT_ONCE = 6;

/**
 * @param {typeof import("./api.js").api} api
 * @param {(level: number, column: number, row: number) => {path: string, params: Record<string, string|null>}} addressOf
 * @param {() => void} onTile called when a tile has come
 */
export function createTiles(api, addressOf, onTile) {
  /** @type {Map<string, ImageBitmap|null>} null where there is none to be had; in the order last used */
  const kept = new Map();
  /** @type {Map<string, AbortController>} */
  const coming = new Map();
  /** @type {{key: string, level: number, column: number, row: number}[]} */
  let wanted = [];
  let most = KEPT;

  async function fetchTile({ key, level, column, row }) {
    const stop = new AbortController();
    coming.set(key, stop);
    let bitmap = null;
    try {
      const { path, params } = addressOf(level, column, row);
      const answer = await api.raw(path, params, stop.signal);
      bitmap = await createImageBitmap(await answer.blob());
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    if (stop.signal.aborted) {
      bitmap?.close();
      return;
    }
    coming.delete(key);
    keep(key, bitmap);
    fetchNext();
    onTile();
  }

  function keep(key, bitmap) {
    kept.set(key, bitmap);
    for (const [oldest, old] of kept) {
      if (kept.size <= most) break;
      old?.close();
      kept.delete(oldest);
    }
  }

  function fetchNext() {
    while (coming.size < AT_ONCE) {
      const next = wanted.find(({ key }) => !kept.has(key) && !coming.has(key));
      if (!next) return;
      fetchTile(next);
    }
  }

  return {
    /** @returns {ImageBitmap|null|undefined} undefined while it is not there */
    get(level, column, row) {
      const key = `${level}/${column}/${row}`;
      const tile = kept.get(key);
      if (tile === undefined) return undefined;
      kept.delete(key);
      kept.set(key, tile);
      return tile;
    },
    /** What is in view, the most urgent first; what was wanted before and is not now is no longer fetched. */
    want(list) {
      wanted = list.map((one) => ({ ...one, key: `${one.level}/${one.column}/${one.row}` }));
      most = Math.max(KEPT, 2 * wanted.length);
      const keys = new Set(wanted.map(({ key }) => key));
      for (const [key, stop] of coming) {
        if (keys.has(key)) continue;
        stop.abort();
        coming.delete(key);
      }
      fetchNext();
    },
    close() {
      wanted = [];
      for (const stop of coming.values()) stop.abort();
      for (const tile of kept.values()) tile?.close();
      kept.clear();
    },
  };
}
