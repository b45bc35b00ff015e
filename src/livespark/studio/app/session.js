/**
 * Who we are: a token, swapped for the one-time code of the link, kept for this tab, handed to other tabs of the
 * signed-in browser. Never in a cookie, an address or a log.
 */

import { connect } from "../client/index.js";
import { signal } from "../vendor/preact.js";

const KEY = "livespark-token";
const ASK_PATIENCE = 400;
const others = new BroadcastChannel("livespark-session");

/** The token; null: not signed in; undefined: being found out. @type {import("../vendor/preact.js").Signal} */
export const token = signal(undefined);

/** Why signing in did not work, as a sentence. */
export const refusal = signal("");

/** Find a token: by the code in the address, from this tab's past, from another tab. */
export async function openSession() {
  others.addEventListener("message", onMessage);
  addEventListener("hashchange", () => void useCode());
  if (await useCode()) return;
  const kept = sessionStorage.getItem(KEY);
  if (kept) token.value = kept;
  else askOthers();
}

/** The server no longer takes our token. */
export function forget(reason = "") {
  sessionStorage.removeItem(KEY);
  refusal.value = reason;
  token.value = null;
}

async function useCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return false;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    keep((await connect().request("POST", "/api/session", { code })).token);
    return true;
  } catch (error) {
    refusal.value = error.message;
    return false;
  }
}

function askOthers() {
  others.postMessage({ ask: true });
  setTimeout(() => (token.value ??= null), ASK_PATIENCE);
}

/** @param {MessageEvent} event */
function onMessage({ data }) {
  if (data.ask && token.value) others.postMessage({ token: token.value });
  if (data.token && !token.value) keep(data.token);
}

/** @param {string} text */
function keep(text) {
  sessionStorage.setItem(KEY, text);
  refusal.value = "";
  token.value = text;
}
