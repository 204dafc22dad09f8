import { AppError } from "../../../base/errors.ts";

/**
 * The headers of a file with lines `Name: value`; blank lines and those that begin with `#` are passed over.
 *
 * @throws AppError `config_invalid` with the number of a line that is none, never its text.
 */
export function parseHeaderLines(text: string, path: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]+?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new AppError("config_invalid", `Line ${index + 1} of ${JSON.stringify(path)} is no header "Name: value"`);
    }
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
