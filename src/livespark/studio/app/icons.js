/** The few pictures of the page. */

import { html } from "../vendor/preact.js";

const PATHS = {
  pause: "M6 3.5v9M10 3.5v9",
  play: "M5 3.2v9.6l7.6-4.8z",
  stop: "M4.5 4.5h7v7h-7z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1",
  moon: "M13.3 9.6A5.8 5.8 0 0 1 6.4 2.7a5.8 5.8 0 1 0 6.9 6.9z",
  help: "M6 6.1a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.9v.1",
  lock: "M4.2 7.4h7.6v5.4H4.2zM5.6 7.4V5.6a2.4 2.4 0 0 1 4.8 0v1.8",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  down: "M8 3v9M4.5 8.5 8 12l3.5-3.5",
  check: "M3.2 8.6l3 3 6.6-7",
  refuse: "M8 2.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6zM4.3 4.3l7.4 7.4",
  undo: "M3.2 6.2h6.3a3.4 3.4 0 0 1 0 6.8H6M6 3.2l-3 3 3 3",
  alert: "M8 2.4 14 13H2zM8 6.4v3M8 11.2v.1",
  camera: "M2.5 5h2.2l1-1.7h4.6l1 1.7h2.2v7.7h-11zM8 6.6a2.1 2.1 0 1 0 0 4.2 2.1 2.1 0 0 0 0-4.2z",
  rewind: "M8 4v8L2.8 8zM13.4 4v8L8.2 8z",
  fork: "M4.5 2.8v10.4M4.5 9c0-2.6 6.6-1.4 6.6-5.6M9 5.2l2.1-2.1 2.1 2.1",
  reset: "M3 8a5 5 0 1 0 1.6-3.7M3 2.8v2.4h2.4",
};

/** @param {{name: keyof typeof PATHS, solid?: boolean}} props */
export function Icon({ name, solid = false }) {
  return html`<svg class="icon ${solid ? "solid" : ""}" viewBox="0 0 16 16" aria-hidden="true">
    <path d=${PATHS[name]} />
  </svg>`;
}

export function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M17.8 5 8.5 18h6L13 27l10.5-13.6h-6.4z" />
  </svg>`;
}
