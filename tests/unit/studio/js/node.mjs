/** `node node.mjs ADDRESS` prints the results as JSON. */

import { runAll } from "./all.mjs";

console.log(JSON.stringify(await runAll(process.argv[2])));
process.exit(0);
