/** Every test file. */

import "./sse.mjs";
import "./words.mjs";
import "./stream.mjs";
import "./commands.mjs";
import "./charts.mjs";
import "./controls.mjs";
import "./panels.mjs";
import "./code.mjs";
import "./snapshots.mjs";

export { runAll } from "./harness.mjs";
