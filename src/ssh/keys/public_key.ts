import { AppError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { type Bytes, WireReader } from "./wire.ts";

/** A public key as it stands in `.pub`, `authorized_keys` and `known_hosts` files. */
export interface PublicKey {
  /** The algorithm name that stands inside the blob: `ssh-ed25519`. */
  readonly type: string;
  /** RFC 4253 6.6. */
  readonly blob: Bytes;
  /** What stood behind the blob; empty if nothing did. */
  readonly comment: string;
}

/**
 * The public key of a line `type base64 [comment]` (sshd(8), AUTHORIZED_KEYS FILE FORMAT, without options).
 *
 * @throws AppError `key_invalid` for anything else, also when the blob tells another type than the line.
 */
export function parsePublicKey(line: string, what = "public key"): PublicKey {
  const text = line.trim();
  const [, type, base64, comment = ""] = /^(\S+)[ \t]+(\S+)(?:[ \t]+(.*))?$/s.exec(text) ?? [];
  if (type === undefined || base64 === undefined || /[\r\n]/.test(text)) {
    throw new AppError(
      "key_invalid",
      `Cannot read the ${what}: needed "type base64 comment", found ${JSON.stringify(oneLine(line, 60))}`,
    );
  }
  const blob = decodeBlob(base64, what);
  const inner = blobType(blob, what);
  if (inner !== type) {
    throw new AppError(
      "key_invalid",
      `Cannot read the ${what}: the line says ${JSON.stringify(oneLine(type, 60))}, its blob ${
        JSON.stringify(oneLine(inner, 60))
      }`,
    );
  }
  assertWhole(blob, what);
  return { type, blob, comment };
}

/** The public key of `line`; undefined for anything else. */
export function tryParsePublicKey(line: string): PublicKey | undefined {
  try {
    return parsePublicKey(line);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Every key but a certificate is a row of strings and mpints (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4), ed25519's 32 bytes long. */
function assertWhole(blob: Bytes, what: string): void {
  const reader = new WireReader(blob, what);
  const type = reader.readText();
  if (type.includes("-cert-")) return;
  const fields: Bytes[] = [];
  while (!reader.isAtEnd) fields.push(reader.readString());
  if (fields.length > 0 && (type !== "ssh-ed25519" || fields[0]?.length === 32 && fields.length === 1)) return;
  throw new AppError(
    "key_invalid",
    `Cannot read the ${what}: its blob is no key of type ${JSON.stringify(oneLine(type))}`,
  );
}

function decodeBlob(base64: string, what: string): Bytes {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (error) {
    throw new AppError(
      "key_invalid",
      `Cannot read the ${what}: ${JSON.stringify(oneLine(base64, 30))} is not base64`,
      { cause: error },
    );
  }
}

/** The algorithm name that a public key blob begins with. @throws AppError `key_invalid`. */
export function blobType(blob: Uint8Array, what = "public key"): string {
  return new WireReader(blob, what).readText();
}

/** The line for a `.pub` or `authorized_keys` file, without a newline. */
export function formatPublicKey({ type, blob, comment }: PublicKey): string {
  return `${type} ${blob.toBase64()}${comment ? ` ${comment}` : ""}`;
}

/** The fingerprint as `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. */
export async function fingerprint(blob: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(blob));
  return `SHA256:${new Uint8Array(digest).toBase64({ omitPadding: true })}`;
}

/** True when both are the same bytes. Not in constant time: for public things alone. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
