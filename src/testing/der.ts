/** The parts of DER (ITU-T X.690) that a certificate is made of. */

type Bytes = Uint8Array<ArrayBuffer>;

/** One element: `tag`, the length, `parts` one after another. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  const bytes = new Uint8Array(1 + length.length + size);
  bytes.set([tag, ...length]);
  let at = 1 + length.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const sequence = (...parts: readonly Uint8Array[]): Bytes => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Bytes => der(0x31, ...parts);
export const octetString = (bytes: Uint8Array): Bytes => der(0x04, bytes);
export const bitString = (bytes: Uint8Array): Bytes => der(0x03, new Uint8Array([0]), bytes);
export const utf8String = (text: string): Bytes => der(0x0c, new TextEncoder().encode(text));
export const boolean = (value: boolean): Bytes => der(0x01, new Uint8Array([value ? 0xff : 0]));

/** `[number]`, explicit. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]): Bytes => der(0xa0 | number, ...parts);

/** A number from its bytes, big end first, without a sign. */
export function integer(bytes: Uint8Array): Bytes {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return (digits[0] ?? 0) >= 0x80 ? der(0x02, new Uint8Array([0]), digits) : der(0x02, digits);
}

/** An identifier such as `2.5.4.3`. */
export function objectId(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return der(0x06, new Uint8Array(bytes));
}

/** UTCTime (RFC 5280 4.1.2.5.1): good until 2049. */
export function utcTime(date: Date): Bytes {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(0x17, new TextEncoder().encode(`${digits}Z`));
}
