/** Light or dark: what the system prefers, until the person chooses. */

import { signal } from "../vendor/preact.js";

const KEY = "livespark-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** "light" or "dark". */
export const theme = signal(document.documentElement.dataset.theme);

export function toggleTheme() {
  const next = theme.value === "dark" ? "light" : "dark";
  const asSystem = (next === "dark") === system.matches;
  if (asSystem) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  show(next);
}

system.addEventListener("change", () => {
  if (!localStorage.getItem(KEY)) show(system.matches ? "dark" : "light");
});

addEventListener("storage", (event) => {
  if (event.key === KEY) show(event.newValue ?? (system.matches ? "dark" : "light"));
});

/** @param {string} next */
function show(next) {
  document.documentElement.dataset.theme = next;
  theme.value = next;
}
