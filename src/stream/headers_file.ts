import { AppError } from "../base/errors.ts";
import { readPrivateFile } from "../base/private_file.ts";
import { assertHeaderField, type HeaderFields } from "./header_fields.ts";

/**
 * The header fields of a file of mode 0600: lines `Name: value`; empty lines and those that begin with `#` do not count.
 *
 * @throws AppError `not_found`, `unsafe_file`, `config_invalid` with the line's number and never its value
 */
export async function readHeadersFile(path: string): Promise<HeaderFields> {
  return parseHeaders(await readPrivateFile(path, "headers file"), path);
}

/** The header fields in `text`; `path` is for messages. @throws AppError `config_invalid` */
export function parseHeaders(text: string, path: string): HeaderFields {
  const fields: [string, string][] = [];
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const where = `line ${index + 1} of ${JSON.stringify(path)}`;
    const colon = line.indexOf(":");
    if (colon <= 0) {
      throw new AppError("config_invalid", `Cannot read ${where}: it is not \`Name: value\``, {
        hint: "Write one header a line, with a colon behind its name",
      });
    }
    // The name is not trimmed: `Name : value` and folded lines are what smuggling is made of (RFC 9112 5.1).
    const field: [string, string] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    assertHeaderField(field, where);
    fields.push(field);
  }
  return fields;
}
