const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/**
 * A file name or path as text. Bytes that are not UTF-8 become lone surrogates, U+DC80 to U+DCFF, as in Python
 * (PEP 383): {@link encodePath} gives the same bytes back.
 */
export function decodePath(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeMixed(bytes);
  }
}

/** The bytes of a path that {@link decodePath} made, or of any text. */
export function encodePath(text: string): Uint8Array {
  if (!hasRawBytes(text)) return utf8.encode(text);
  const bytes: number[] = [];
  for (const char of text) {
    if (hasRawBytes(char)) bytes.push(char.charCodeAt(0) - 0xdc00);
    else bytes.push(...utf8.encode(char));
  }
  return new Uint8Array(bytes);
}

/** True for a path with bytes in it that are not UTF-8: the runtime's own calls would take it for another. */
export function hasRawBytes(text: string): boolean {
  return /[\udc80-\udcff]/u.test(text);
}

function decodeMixed(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    try {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at++;
    }
  }
  return text;
}

/** How many bytes a character has by its first one (RFC 3629, 3). */
function sequenceLength(first: number): number {
  if (first < 0xc0) return 1;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
