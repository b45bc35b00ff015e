/** Every test file. */

import "./sse.mjs";
import "./words.mjs";
import "./stream.mjs";
import "./commands.mjs";
import "./charts.mjs";
import "./controls.mjs";
import "./panels.mjs";

export { runAll } from "./harness.mjs";
