/** The keyboard: everything a hand does often has a key. */

import { useEffect } from "../../vendor/preact.js";

export const SHORTCUTS = [
  ["space", "pause or resume"],
  ["R", "reload the script"],
  ["K", "keep: take a snapshot"],
  ["S", "smooth lines on or off"],
  ["L", "logarithmic charts on or off"],
  ["0", "charts: whole range again"],
  ["1 2 3 4 5", "log, code, snapshots, events, about"],
  ["?", "this help"],
];

const TABS = ["log", "code", "snapshots", "events", "about"];

/**
 * @param {{model: import("./model.js").RunModel, actions: import("./actions.js").Actions, help: any}} page
 */
export function useShortcuts({ model, actions, help }) {
  useEffect(() => {
    const keys = /** @type {Record<string, () => void>} */ ({
      " ": () => void actions.pauseOrResume(),
      r: () => void actions.reload(),
      k: () => void actions.snapshot(),
      s: () => model.board.toggleSmooth(),
      l: () => model.board.toggleLog(),
      0: () => (model.board.zoom.value = null),
      "?": () => (help.value = true),
    });
    TABS.forEach((name, index) => (keys[String(index + 1)] = () => (model.tab.value = name)));
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      const action = keys[event.key.toLowerCase()];
      if (!action || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isOccupied(event)) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [model]);
}

/**
 * Keys belong to what has the focus, if that takes them: fields take all, buttons the space bar.
 *
 * @param {KeyboardEvent} event
 */
function isOccupied({ key, target }) {
  const takers =
    key === " "
      ? "input, select, textarea, dialog, button, summary, a"
      : "input:not([type=range]), select, textarea, dialog";
  return target instanceof Element && target.closest(takers) !== null;
}
