import { type Code, get, i32, repeatWhile, set, TYPE, v128, type WasmFunction } from "./wasm_code.ts";

/** "expand 32-byte k", RFC 8439 2.3. */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
/** Four blocks of 64 bytes are made at one time, one in each lane. */
const STEP_BYTES = 256;

// Parameters, then locals.
const [DATA, LENGTH, KEY, COUNTER, NONCE, ROUND] = [0, 1, 2, 3, 4, 5];
/** The state: sixteen vectors, each with one word of all four blocks. */
const STATE = 6;
const SCRATCH = 22;
/** Where each byte comes from in a word that is turned to the left by 16 and by 8 bits. */
const [TURN_16, TURN_8] = [26, 27];

/** The columns and the diagonals that a double round works on. RFC 8439 2.3. */
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

const word = (index: number) => get(STATE + index);
const setWord = (index: number, value: Code) => set(STATE + index, value);

/**
 * `chacha20(data, length, key, counter, nonce)`: XORs the key stream into `length` bytes at `data` and on to a multiple of
 * 256, in place.
 *
 * The original cipher: `counter` counts blocks in 64 bits, of which the lower 32 may be used here, `nonce` is the last
 * word of the state; the word before it is 0, as the sequence numbers of SSH have 32 bits.
 */
export const chacha20Function: WasmFunction = {
  name: "chacha20",
  parameters: 5,
  locals: [{ count: 1, type: TYPE.i32 }, { count: 22, type: TYPE.v128 }],
  body: [
    ...set(TURN_16, turn(2)),
    ...set(TURN_8, turn(1)),
    ...repeatWhile(i32.isBelow(i32.const(0), get(LENGTH)), [
      ...initialWords().flatMap((value, index) => setWord(index, value)),
      ...set(ROUND, i32.const(10)),
      ...repeatWhile(countRound(), QUARTERS.flatMap((quarter) => quarterRound(quarter))),
      ...initialWords().flatMap((value, index) => setWord(index, v128.add(word(index), value))),
      ...[0, 1, 2, 3].flatMap(xorQuarter),
      ...set(DATA, i32.add(get(DATA), i32.const(STEP_BYTES))),
      ...set(COUNTER, i32.add(get(COUNTER), i32.const(STEP_BYTES / 64))),
      // A length that is no multiple ends below zero, which counts as zero.
      ...set(LENGTH, dropStep()),
    ]),
  ],
};

/** Counts the rounds down; zero once they are done. */
function countRound(): Code {
  return [...set(ROUND, i32.sub(get(ROUND), i32.const(1))), ...get(ROUND)];
}

/** The length that is left behind this step: 0 for less than a whole one. */
function dropStep(): Code {
  const isLast = i32.isBelow(get(LENGTH), i32.const(STEP_BYTES + 1));
  // isLast - 1 is all ones for a length that goes on, and zero for one that ends.
  return i32.and(i32.sub(get(LENGTH), i32.const(STEP_BYTES)), i32.sub(isLast, i32.const(1)));
}

function initialWords(): Code[] {
  return [
    ...CONSTANTS.map((value) => v128.words(value, value, value, value)),
    ...Array.from({ length: 8 }, (_, index) => v128.splat(i32.load(get(KEY), index * 4))),
    v128.add(v128.splat(get(COUNTER)), v128.words(0, 1, 2, 3)),
    v128.words(0, 0, 0, 0),
    v128.words(0, 0, 0, 0),
    v128.splat(get(NONCE)),
  ];
}

/** RFC 8439 2.1. */
function quarterRound([a, b, c, d]: readonly [number, number, number, number]): Code {
  const half = (first: Code, second: Code) => [
    ...setWord(a, v128.add(word(a), word(b))),
    ...setWord(d, v128.xor(word(d), word(a))),
    ...setWord(d, first),
    ...setWord(c, v128.add(word(c), word(d))),
    ...setWord(b, v128.xor(word(b), word(c))),
    ...setWord(b, second),
  ];
  return [
    ...half(v128.pick(word(d), get(TURN_16)), rotateBits(word(b), 12)),
    ...half(v128.pick(word(d), get(TURN_8)), rotateBits(word(b), 7)),
  ];
}

function rotateBits(value: Code, bits: number): Code {
  return v128.or(v128.shl(value, bits), v128.shr(value, 32 - bits));
}

/** Which bytes {@link v128.pick} has to take so that every word is turned to the left. */
function turn(bytes: number): Code {
  return v128.bytes(Array.from({ length: 16 }, (_, at) => (at & 12) | ((at - bytes) & 3)));
}

/** XORs words 4n to 4n + 3 of all four blocks into the data: turns lanes back into blocks. */
function xorQuarter(quarter: number): Code {
  const [a, b, c, d] = [0, 1, 2, 3].map((index) => word(quarter * 4 + index)) as [Code, Code, Code, Code];
  const scratch = (index: number) => get(SCRATCH + index);
  const low = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
  const high = low.map((byte) => byte + 8);
  const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const highHalves = lowHalves.map((byte) => byte + 8);
  const blocks = [
    v128.shuffle(scratch(0), scratch(1), lowHalves),
    v128.shuffle(scratch(0), scratch(1), highHalves),
    v128.shuffle(scratch(2), scratch(3), lowHalves),
    v128.shuffle(scratch(2), scratch(3), highHalves),
  ];
  return [
    ...set(SCRATCH, v128.shuffle(a, b, low)),
    ...set(SCRATCH + 1, v128.shuffle(c, d, low)),
    ...set(SCRATCH + 2, v128.shuffle(a, b, high)),
    ...set(SCRATCH + 3, v128.shuffle(c, d, high)),
    ...blocks.flatMap((block, index) => {
      const offset = index * 64 + quarter * 16;
      return v128.store(get(DATA), v128.xor(v128.load(get(DATA), offset), block), offset);
    }),
  ];
}
