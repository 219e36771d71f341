// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en");

/** @param {number} number */
export const count = (number) => WHOLE.format(number);

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/**
 * Two decimals; a third where two would round an imperfect match up to 1.
 * @param {number} value
 */
export const similarity = (value) => (value < 0.9995 && value >= 0.995 ? value.toFixed(3) : value.toFixed(2));

/** @param {number} bytes */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let amount = bytes;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 60) return counted(Math.round(seconds), "second");
  if (seconds < 3600) return counted(Math.round(seconds / 60), "minute");
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** @param {string} when an ISO date and time */
export function moment(when) {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return when;
  return date.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

/** The last part of a path. @param {string} path */
export const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);

/**
 * What to call a cluster: its group where it has one.
 * @param {number|null|undefined} cluster
 * @param {string|null|undefined} group
 */
export const clusterName = (cluster, group) => group ?? (cluster === null || cluster === undefined ? "not clustered" : `cluster ${cluster}`);
