/** Terminal colours, the few that scripts use; every other escape sequence is left out. */

const ESCAPE = /\x1b(?:\[([0-9;:?]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/**
 * @param {string} text
 * @returns {{text: string, style: string}[]} `style`: class names, such as "bold red"
 */
export function ansi(text) {
  if (!text.includes("\x1b")) return [{ text: text.replace(CONTROL, ""), style: "" }];
  const pieces = [];
  const style = { bold: false, dim: false, colour: "" };
  let last = 0;
  for (const match of text.matchAll(ESCAPE)) {
    pieces.push({ text: text.slice(last, match.index), style: nameOf(style) });
    last = match.index + match[0].length;
    if (match[2] === "m") apply(style, match[1]);
  }
  pieces.push({ text: text.slice(last), style: nameOf(style) });
  return pieces.map((piece) => ({ ...piece, text: piece.text.replace(CONTROL, "") })).filter((piece) => piece.text);
}

/** The text without any escape sequence. @param {string} text */
export function bare(text) {
  return text.includes("\x1b") ? text.replace(ESCAPE, "") : text;
}

/** @param {{bold: boolean, dim: boolean, colour: string}} style */
const nameOf = ({ bold, dim, colour }) => [bold && "bold", dim && "dim", colour].filter(Boolean).join(" ");

/** @param {{bold: boolean, dim: boolean, colour: string}} style @param {string} codes */
function apply(style, codes) {
  const numbers = codes.split(";").map(Number);
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index];
    if (code === 0) Object.assign(style, { bold: false, dim: false, colour: "" });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 22) Object.assign(style, { bold: false, dim: false });
    else if (code === 39) style.colour = "";
    else if (code >= 30 && code <= 37) style.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) style.colour = COLOURS[code - 90];
    else if (code === 38 || code === 48) index += numbers[index + 1] === 5 ? 2 : 4;
  }
}
