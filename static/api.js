// @ts-check
/** Asks the server over HTTP, with the token where there is one. */

let token = "";

/**
 * Where the server answers a path: below the page's own folder, as a proxy may serve it below a path.
 *
 * @param {string} path Such as `/agent/health`.
 * @returns {string}
 */
export function locate(path) {
  return new URL(path.replace(/^\/+/, ""), document.baseURI).href;
}

/** @param {string} given Empty: none. */
export function useToken(given) {
  token = given;
}

/** Where the server takes talks. */
export function socketAddress() {
  return locate("/ws").replace(/^http/, "ws");
}

/** @type {Record<number, import("./texts.js").TextKey>} */
const SENTENCES = {
  0: "rest.offline",
  401: "rest.unauthorized",
  403: "rest.forbidden",
  404: "rest.gone",
  412: "rest.changed",
  422: "rest.invalid",
  503: "rest.unavailable",
};

/** The server did not do what it was asked; `key` and `code` make the sentence. */
export class RestError extends Error {
  /**
   * @param {number} code The HTTP status; 0 where nobody answered.
   * @param {import("./texts.js").TextKey} key
   */
  constructor(code, key) {
    super(key);
    this.code = code;
    this.key = key;
  }
}

/**
 * @param {string} address A path of the server.
 * @param {{method?: string, value?: unknown, ifMatch?: string | null}} [request] `value` is sent as JSON.
 * @returns {Promise<Response>}
 * @throws {RestError}
 */
export async function ask(address, { method = "GET", value, ifMatch } = {}) {
  const headers = new Headers({ accept: "application/json" });
  if (token) headers.set("authorization", `Bearer ${token}`);
  if (value !== undefined) headers.set("content-type", "application/json");
  if (ifMatch) headers.set("if-match", ifMatch);
  const body = value === undefined ? undefined : JSON.stringify(value);
  const response = await fetch(locate(address), { method, headers, body, cache: "no-store" }).catch(() => null);
  if (response?.ok) return response;
  const status = response?.status ?? 0;
  throw new RestError(status, SENTENCES[status] ?? "rest.failed");
}

/**
 * @param {string} address
 * @returns {Promise<any>} null where there is no answer; the page goes on without it.
 */
export async function askQuietly(address) {
  try {
    return await (await ask(address)).json();
  } catch {
    return null;
  }
}
