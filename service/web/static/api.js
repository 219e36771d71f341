// The public HTTP calls, and nothing else: whatever these pages do, a script can do.

const KEY = "quire-api-key";

/** An answer that says no; `message` is fit to show. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, code?: string, errors?: {where: string, message: string}[]}} problem
   */
  constructor(status, problem) {
    const faults = (problem.errors ?? []).map(({ where, message }) => ` ${where}: ${message}.`).join("");
    super((problem.detail ?? problem.title ?? `The service answered with status ${status}.`) + faults);
    this.status = status;
    this.title = problem.title ?? "That did not work";
    this.code = problem.code ?? "";
  }
}

let key = readKey();
/** @type {Promise<boolean>|null} */
let asking = null;
/** @type {(wrong: boolean) => Promise<string|null>} */
let askForKey = async () => null;

/**
 * How to ask the reader for the API key, when the service wants one.
 * @param {(wrong: boolean) => Promise<string|null>} ask
 */
export function onKeyWanted(ask) {
  askForKey = ask;
}

export const api = {
  /** @param {string} path @param {Params} [params] @param {AbortSignal} [signal] */
  get: (path, params, signal) => request("GET", path, { params, signal }),
  /** @param {string} path @param {unknown} body */
  post: (path, body) => request("POST", path, { body: JSON.stringify(body), json: true }),
  /** @param {string} path @param {unknown} body */
  put: (path, body) => request("PUT", path, { body: JSON.stringify(body), json: true }),
  /** @param {string} path */
  remove: (path) => request("DELETE", path, {}),
  /** The answer itself, for bytes and long texts. @param {string} path @param {Params} [params] @param {AbortSignal} [signal] */
  raw: (path, params, signal) => send("GET", path, { params, signal }),
  upload,
  save,
  saveMade,
  download,
  follow,
  showPicture,
};

/**
 * The clusters; none where nothing has been clustered yet, which the service says with an error.
 * @returns {Promise<import("./types.js").Cluster[]>}
 */
export async function listClusters() {
  try {
    return await api.get("/clusters");
  } catch (error) {
    if (error.code === "cluster-missing") return [];
    throw error;
  }
}

/** @typedef {Record<string, string|number|string[]|undefined|null>} Params lists become repeated parameters */

/**
 * Send files as a form, each under the name `file`.
 * @param {string} path
 * @param {File[]} files
 * @param {Params} [params]
 * @param {AbortSignal} [signal]
 */
function upload(path, files, params, signal) {
  const form = new FormData();
  for (const file of files) form.append("file", file, file.name);
  return request("POST", path, { params, body: form, signal });
}

/**
 * Save a file that the service makes, under the name it gives. A plain link cannot send the API key.
 * @param {string} path
 * @param {Params} [params]
 */
async function save(path, params) {
  await keep(await send("GET", path, { params }));
}

/**
 * The same for files that may be large: the browser writes them as they come. With a key, which a link cannot send, they are fetched first.
 * @param {string} path
 * @param {Params} [params]
 */
async function download(path, params) {
  if (key) return save(path, params);
  const link = document.createElement("a");
  link.download = "";
  link.href = address(path, params);
  link.click();
}

/**
 * The same for files that take a body to make.
 * @param {string} path
 * @param {unknown} body
 */
async function saveMade(path, body) {
  await keep(await send("POST", path, { body: JSON.stringify(body), json: true }));
}

async function keep(response) {
  const named = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "");
  const link = document.createElement("a");
  link.download = named?.[1] ?? "";
  link.href = URL.createObjectURL(await response.blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Follow a stream of events until it ends. EventSource is not used because it cannot send the API key.
 * @param {string} path
 * @param {(event: string, data: any) => void} listener
 * @param {AbortSignal} signal
 */
async function follow(path, listener, signal) {
  const response = await send("GET", path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text = (text + value).replaceAll("\r\n", "\n");
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) readEvent(block, listener);
  }
}

function readEvent(block, listener) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  if (data.length) listener(name, JSON.parse(data.join("\n")));
}

/**
 * Let an <img> show a picture of the service. An <img> cannot send a key, so with one the bytes are fetched.
 * @param {HTMLImageElement} img
 * @param {string} path
 */
function showPicture(img, path) {
  if (!key) {
    img.src = `/v1${path}`;
    return;
  }
  img.dataset.path = path;
  nearby.observe(img);
}

const nearby = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    nearby.unobserve(target);
    fetchPicture(/** @type {HTMLImageElement} */ (target));
  }
}, { rootMargin: "400px" });

async function fetchPicture(img) {
  try {
    const blob = await (await send("GET", img.dataset.path, {})).blob();
    img.addEventListener("load", () => URL.revokeObjectURL(img.src), { once: true });
    img.src = URL.createObjectURL(blob);
  } catch {
    img.dispatchEvent(new Event("error"));
  }
}

async function request(method, path, options) {
  const response = await send(method, path, options);
  if (response.status === 204) return null;
  return response.json();
}

async function send(method, path, { params, body, json, signal, retried }) {
  const headers = { Accept: "application/json, text/event-stream, image/*, */*;q=0.5" };
  if (json) headers["Content-Type"] = "application/json";
  if (key) headers["X-API-Key"] = key;
  const used = key;
  let response;
  try {
    response = await fetch(address(path, params), { method, headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { title: "No answer", detail: "The service does not answer. Is it still running?" });
  }
  if (response.ok) return response;
  // Another request may have been given the key while this one was on its way.
  if (response.status === 401 && (used !== key || (!retried && (await haveKey())))) {
    return send(method, path, { params, body, json, signal, retried: true });
  }
  throw new ApiError(response.status, await readProblem(response));
}

function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue;
    for (const one of [value].flat()) query.append(name, String(one));
  }
  return query.size ? `/v1${path}?${query}` : `/v1${path}`;
}

async function readProblem(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

/** Asks once, however many requests were refused at the same time. */
function haveKey() {
  asking ??= askForKey(Boolean(key))
    .then((given) => {
      if (!given) return false;
      key = given;
      try {
        sessionStorage.setItem(KEY, given);
      } catch {
        // Then it is asked for again at the next page load.
      }
      return true;
    })
    .finally(() => {
      asking = null;
    });
  return asking;
}

function readKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
