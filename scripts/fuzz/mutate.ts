import type { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

const MAX_BYTES = 256 * 1024;
/** Where off-by-one faults live. */
const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** What to try next: random bytes now and then, else a seed changed in one to eight ways. */
export function makeInput(random: Random, { seeds, tokens = [] }: FuzzTarget): Uint8Array<ArrayBuffer> {
  if (random.once(20) || seeds.length === 0) return random.bytes(random.below(random.once(4) ? 5000 : 100));
  let bytes = new Uint8Array(random.pick(seeds) ?? []);
  for (let changes = 1 + random.below(8); changes > 0; changes--) {
    const change = random.pick(CHANGES) ?? cutOut;
    bytes = change(bytes, { random, seeds, tokens });
    if (bytes.length > MAX_BYTES) bytes = bytes.slice(0, MAX_BYTES);
  }
  return bytes;
}

interface Means extends Required<Pick<FuzzTarget, "seeds" | "tokens">> {
  readonly random: Random;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Change = (bytes: Bytes, means: Means) => Bytes;

const CHANGES: readonly Change[] = [
  flipBits,
  putByte,
  putNumber,
  putToken,
  insertToken,
  cutOut,
  repeat,
  splice,
  extend,
];

function splicedIn(bytes: Bytes, { begin, end, middle }: { begin: number; end: number; middle: Uint8Array }): Bytes {
  const result = new Uint8Array(begin + middle.length + bytes.length - end);
  result.set(bytes.subarray(0, begin));
  result.set(middle, begin);
  result.set(bytes.subarray(end), begin + middle.length);
  return result;
}

function flipBits(bytes: Bytes, { random }: Means): Bytes {
  const at = random.below(bytes.length);
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function putByte(bytes: Bytes, { random }: Means): Bytes {
  const at = random.below(bytes.length);
  if (at < bytes.length) bytes[at] = random.below(256);
  return bytes;
}

function putNumber(bytes: Bytes, { random }: Means): Bytes {
  if (bytes.length < 4) return bytes;
  const number = random.pick(NUMBERS) ?? 0;
  const at = random.below(bytes.length - 3);
  const view = new DataView(bytes.buffer);
  if (random.once(2)) view.setUint32(at, number);
  else view.setUint16(at, number);
  return bytes;
}

function putToken(bytes: Bytes, { random, tokens }: Means): Bytes {
  const middle = random.pick(tokens) ?? random.bytes(3);
  const begin = random.below(bytes.length + 1);
  return splicedIn(bytes, { begin, end: Math.min(bytes.length, begin + middle.length), middle });
}

function insertToken(bytes: Bytes, { random, tokens }: Means): Bytes {
  const at = random.below(bytes.length + 1);
  return splicedIn(bytes, { begin: at, end: at, middle: random.pick(tokens) ?? random.bytes(1 + random.below(9)) });
}

function cutOut(bytes: Bytes, { random }: Means): Bytes {
  const begin = random.below(bytes.length + 1);
  return splicedIn(bytes, {
    begin,
    end: begin + random.below(bytes.length - begin + 1),
    middle: new Uint8Array(0),
  });
}

function repeat(bytes: Bytes, { random }: Means): Bytes {
  const begin = random.below(bytes.length + 1);
  const piece = bytes.slice(begin, begin + 1 + random.below(random.once(3) ? 200 : 8));
  const times = random.pick([2, 3, 17, 300, 5000]) ?? 2;
  const middle = new Uint8Array(Math.min(piece.length * times, MAX_BYTES));
  for (let at = 0; at + piece.length <= middle.length && piece.length > 0; at += piece.length) middle.set(piece, at);
  return splicedIn(bytes, { begin, end: begin, middle });
}

function splice(bytes: Bytes, { random, seeds }: Means): Bytes {
  const other = random.pick(seeds) ?? bytes;
  const begin = random.below(bytes.length + 1);
  return splicedIn(bytes, { begin, end: bytes.length, middle: other.slice(random.below(other.length + 1)) });
}

function extend(bytes: Bytes, { random, seeds }: Means): Bytes {
  return splicedIn(bytes, { begin: bytes.length, end: bytes.length, middle: random.pick(seeds) ?? random.bytes(4) });
}
