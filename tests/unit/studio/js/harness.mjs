/** A test runner of thirty lines that works in Node and in browsers alike. */

const tests = [];

/** The stand-in server's address; set before the tests run. */
export let server = "";

export function test(name, body) {
  tests.push({ name, body });
}

/** Every test in order. @returns {Promise<{name: string, error: string}[]>} */
export async function runAll(address) {
  server = address;
  const results = [];
  for (const { name, body } of tests) {
    const error = await Promise.race([attempt(body), late()]);
    results.push({ name, error });
  }
  return results;
}

export function equal(actual, expected, about = "") {
  const [left, right] = [show(actual), show(expected)];
  if (left !== right) throw new Error(`${about}\n     got ${left}\nexpected ${right}`);
}

export function truthy(value, about = "not true") {
  if (!value) throw new Error(about);
}

export async function rejects(promise, kind) {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  truthy(error instanceof kind, `expected ${kind.name}, got ${error}`);
  return error;
}

/** Waits for a condition; the test's own deadline ends it. */
export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function attempt(body) {
  try {
    await body();
    return "";
  } catch (error) {
    return String(error?.stack ?? error);
  }
}

function late() {
  return new Promise((resolve) => setTimeout(resolve, 20_000, "took longer than 20 s"));
}

function show(value) {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === "bigint") return `${item}n`;
    if (typeof item === "number" && !Number.isFinite(item)) return String(item);
    return item instanceof Uint8Array ? { bytes: [...item] } : item;
  });
}
