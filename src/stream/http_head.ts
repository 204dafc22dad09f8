import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import type { BufferedSource } from "./buffered_source.ts";

/** The limit of one head: asyncio's reader, which the pods of docs/wire.md use, has the same. */
export const MAX_HEAD_BYTES = 65_536;

const LF = 10;
const CR = 13;
const LATIN1 = new TextDecoder("latin1");

/** A request or response head of HTTP/1.1, header names in lower case (RFC 9112). */
export interface HttpHead {
  /** `GET / HTTP/1.1` or `HTTP/1.1 101 Switching Protocols`, without its line end. */
  readonly startLine: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Options of {@link readHttpHead}. */
export interface ReadHttpHeadOptions {
  readonly maxBytes?: number;
  /** What the head must begin with; anything else is refused as soon as it shows, without waiting for a blank line. */
  readonly mustStartWith?: string;
}

/**
 * Reads up to the blank line and no further: what came behind it stays in `source`. Null when the stream ended before
 * its first byte.
 *
 * @throws AppError `protocol` when it is longer than `maxBytes`, cut off, or begins otherwise than it must.
 */
export async function readHttpHead(
  source: BufferedSource,
  { maxBytes = MAX_HEAD_BYTES, mustStartWith = "" }: ReadHttpHeadOptions = {},
): Promise<HttpHead | null> {
  // Where the search goes on: every byte is looked at once, however slowly they drip in.
  let searched = 0;
  for (;;) {
    const bytes = source.buffered;
    assertStart(bytes, mustStartWith);
    const end = findHeadEnd(bytes, searched);
    if (end > maxBytes || (end < 0 && bytes.length > maxBytes)) {
      throw new AppError(
        "protocol",
        `An HTTP head must fit into ${maxBytes} bytes: this one goes on after ${maxBytes}`,
      );
    }
    if (end >= 0) {
      const text = LATIN1.decode(bytes.subarray(0, end));
      source.consume(end);
      return parseHead(text);
    }
    searched = Math.max(0, bytes.length - 3);
    if (await source.fill()) continue;
    if (bytes.length === 0) return null;
    throw new AppError("protocol", `The connection ended in the middle of an HTTP head, after ${bytes.length} bytes`);
  }
}

/** The values of one header joined with `, ` (RFC 9110 5.3), or undefined. `name` in lower case. */
export function headerValue(head: HttpHead, name: string): string | undefined {
  return head.headers.get(name)?.join(", ");
}

/** True when the comma-separated list in header `name` has `token`, in any case. */
export function headerHasToken(head: HttpHead, name: string, token: string): boolean {
  const list = headerValue(head, name) ?? "";
  return list.split(",").some((item) => item.trim().toLowerCase() === token.toLowerCase());
}

function assertStart(bytes: Uint8Array, wanted: string): void {
  const length = Math.min(bytes.length, wanted.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] === wanted.charCodeAt(i)) continue;
    const found = oneLine(LATIN1.decode(bytes.subarray(0, 256)), 80);
    throw new AppError("protocol", `Expected an HTTP answer, got ${JSON.stringify(found)}`, { details: { found } });
  }
}

/** The index behind the blank line, or -1. A bare LF ends a line as well (RFC 9112 2.2). */
function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1];
    if (next === LF) return at + 2;
    if (next === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

function parseHead(text: string): HttpHead {
  const [startLine = "", ...lines] = text.split(/\r?\n/);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  return { startLine, headers };
}
