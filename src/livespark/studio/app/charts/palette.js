/** The page's colours as the canvas needs them. */

import { computed } from "../../vendor/preact.js";
import { theme } from "../theme.js";

const NAMES = ["accent", "text", "muted", "faint", "calm", "line", "warn", "bad", "heat-low", "heat-high"];

/** Name to colour, for the theme that is shown. */
export const palette = computed(() => {
  void theme.value;
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
});
