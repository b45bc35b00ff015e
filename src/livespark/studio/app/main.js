/** Entry: which page this is, and whether we may see it. */

import { html, render } from "../vendor/preact.js";
import { RunPage } from "./run/page.js";
import { RunsPage } from "./runs/page.js";
import { openSession, token } from "./session.js";
import { SignIn } from "./sign-in.js";

const run = /^\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1];

function App() {
  if (token.value === undefined) return null;
  if (token.value === null) return html`<${SignIn} run=${run} />`;
  if (run) return html`<${RunPage} key=${token.value} id=${decodeURIComponent(run)} token=${token.value} />`;
  return html`<${RunsPage} token=${token.value} />`;
}

render(html`<${App} />`, document.getElementById("page"));
void openSession();
