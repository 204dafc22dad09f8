import { AppError } from "../base/errors.ts";

/** Header fields in the order in which they are sent; a name may come twice. */
export type HeaderFields = ReadonlyArray<readonly [name: string, value: string]>;

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 5.5: visible characters, spaces and tabs; no control characters, so that no field can add another. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What the handshake itself writes: RFC 6455 4.1, and what frames a body. */
const RESERVED = /^(?:upgrade|connection|content-length|transfer-encoding|sec-websocket-.*)$/i;

/**
 * Refuses a header field that cannot be sent or that would break the handshake; the value is never shown.
 *
 * `where` says whence it came, for the message: `line 3 of "/home/me/headers"`.
 * @throws AppError `config_invalid`
 */
export function assertHeaderField([name, value]: readonly [string, string], where: string): void {
  if (!TOKEN.test(name)) {
    throw new AppError(
      "config_invalid",
      `Cannot send the header of ${where}: its name is not a valid HTTP field name`,
      {
        hint: "Write it as `Name: value`, with letters, digits and dashes in the name",
      },
    );
  }
  if (!VALUE.test(value)) {
    throw new AppError(
      "config_invalid",
      `Cannot send the header ${JSON.stringify(name)} of ${where}: its value holds a control character`,
      { hint: "A value is one line of printable characters: look for a stray line break in it" },
    );
  }
  if (RESERVED.test(name)) {
    throw new AppError(
      "config_invalid",
      `Cannot send the header ${JSON.stringify(name)} of ${where}: porthole sets it`,
      {
        hint: "Leave it out",
      },
    );
  }
}
