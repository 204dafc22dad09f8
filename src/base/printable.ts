/**
 * `text` from a remote made safe for a terminal: control characters but tab and newline are written as `\x1b`.
 * Bidirectional overrides go the same way, since they make a line read as what it is not.
 */
export function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The first line of `text`, escaped and at most `maxLength` characters long: what fits into an error message. */
export function oneLine(text: string, maxLength = 200): string {
  const line = escapeControls(text.trim().split(/\r?\n/, 1)[0] ?? "");
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/**
 * All of `text` on one line, escaped, with ` | ` for its line ends. What is longer than `maxLength` loses its middle: a
 * stack trace begins with what was run and ends with what went wrong.
 */
export function joinLines(text: string, maxLength = 400): string {
  const line = escapeControls(text.trim().split(/\s*[\r\n]+\s*/).join(" | "));
  if (line.length <= maxLength) return line;
  const head = Math.floor(maxLength / 3);
  return `${line.slice(0, head)} … ${line.slice(head + 3 - maxLength)}`;
}
