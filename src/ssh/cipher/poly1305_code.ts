import { type Code, get, i32, i64, repeatWhile, set, TYPE, type WasmFunction, when } from "./wasm_code.ts";

/** 130 bits in five limbs of 26: products and their sums stay below 2^63. */
const LIMBS = [0, 1, 2, 3, 4] as const;
const LIMB_BITS = 26;
const MASK = 0x3ffffffn;
const BLOCK_BYTES = 16;
/** The bit behind a whole block, in its last limb. */
const HIGH_BIT = 1n << 24n;
/** RFC 8439 2.5: which bits of r count. */
const CLAMP = [0x3ffffffn, 0x3ffff03n, 0x3ffc0ffn, 0x3f03fffn, 0x00fffffn] as const;

// Parameters, then locals.
const [DATA, LENGTH, KEY, OUT] = [0, 1, 2, 3];
const [H, R, R5, D] = [4, 9, 14, 19];
const [LOW, HIGH, CARRY] = [24, 25, 26];

const h = (limb: number) => get(H + limb);
const d = (limb: number) => get(D + limb);
const low26 = (value: Code) => i64.and(value, i64.const(MASK));

/**
 * `poly1305(data, length, key, out)`: writes the 16 bytes of the authenticator (RFC 8439 2.5) to `out`.
 *
 * Clobbers 16 bytes behind the data. Takes the same time whatever the bytes are.
 */
export const poly1305Function: WasmFunction = {
  name: "poly1305",
  parameters: 4,
  locals: [{ count: 23, type: TYPE.i64 }],
  body: [
    ...loadKey(),
    ...padLastBlock(),
    ...when(
      i32.isBelow(i32.const(BLOCK_BYTES - 1), get(LENGTH)),
      repeatWhile(i32.isBelow(i32.const(BLOCK_BYTES - 1), get(LENGTH)), [
        ...addBlock(HIGH_BIT),
        ...multiply(),
        ...set(DATA, i32.add(get(DATA), i32.const(BLOCK_BYTES))),
        ...set(LENGTH, i32.sub(get(LENGTH), i32.const(BLOCK_BYTES))),
      ]),
    ),
    ...when(get(LENGTH), [...addBlock(0n), ...multiply()]),
    ...reduce(),
    ...writeSum(),
  ],
};

function loadKey(): Code {
  return [
    ...loadLimbs(get(KEY)),
    ...limbs().flatMap((value, limb) => set(R + limb, i64.and(value, i64.const(CLAMP[limb] ?? 0n)))),
    ...LIMBS.flatMap((limb) => set(R5 + limb, i64.mul(get(R + limb), i64.const(5n)))),
  ];
}

/** A block that is not whole ends with a 1 and zeros. */
function padLastBlock(): Code {
  const end = i32.add(get(DATA), get(LENGTH));
  return [
    ...i64.store(end, i64.const(0n)),
    ...i64.store(end, i64.const(0n), 8),
    ...i32.store8(end, i32.const(1)),
  ];
}

function loadLimbs(address: Code): Code {
  return [...set(LOW, i64.load(address)), ...set(HIGH, i64.load(address, 8))];
}

/** What {@link loadLimbs} has loaded, in limbs; the last one and those across a border still have bits too many. */
function limbs(): Code[] {
  return [
    get(LOW),
    i64.shr(get(LOW), 26),
    i64.or(i64.shr(get(LOW), 52), i64.shl(get(HIGH), 12)),
    i64.shr(get(HIGH), 14),
    i64.shr(get(HIGH), 40),
  ];
}

function addBlock(highBit: bigint): Code {
  const [first, second, third, fourth, last] = limbs() as [Code, Code, Code, Code, Code];
  const values = [low26(first), low26(second), low26(third), low26(fourth), i64.or(last, i64.const(highBit))];
  return [...loadLimbs(get(DATA)), ...values.flatMap((value, limb) => set(H + limb, i64.add(h(limb), value)))];
}

/** h = h * r mod 2^130 - 5, with limbs that may be a bit too large. */
function multiply(): Code {
  const product = (limb: number) =>
    LIMBS.map((of) => i64.mul(h(of), of <= limb ? get(R + limb - of) : get(R5 + 5 + limb - of)))
      .reduce((sum, term) => i64.add(sum, term));
  const carryTo = (limb: number) => [
    ...set(D + limb, i64.add(d(limb), i64.shr(d(limb - 1), LIMB_BITS))),
    ...set(H + limb - 1, low26(d(limb - 1))),
  ];
  return [
    ...LIMBS.flatMap((limb) => set(D + limb, product(limb))),
    ...[1, 2, 3, 4].flatMap(carryTo),
    ...set(H + 4, low26(d(4))),
    ...set(H, i64.add(h(0), i64.mul(i64.shr(d(4), LIMB_BITS), i64.const(5n)))),
    ...carry(0, 1),
  ];
}

/** Moves what a limb has too much to the next. */
function carry(from: number, to: number, factor = 1n): Code {
  return [
    ...set(CARRY, i64.shr(h(from), LIMB_BITS)),
    ...set(H + from, low26(h(from))),
    ...set(H + to, i64.add(h(to), factor === 1n ? get(CARRY) : i64.mul(get(CARRY), i64.const(factor)))),
  ];
}

/** Brings h below 2^130 - 5, without a branch. */
function reduce(): Code {
  const less = (limb: number) => set(D + limb, i64.add(h(limb), get(CARRY)));
  return [
    ...[carry(1, 2), carry(2, 3), carry(3, 4), carry(4, 0, 5n), carry(0, 1)].flat(),
    // d = h + 5 - 2^130, which is not negative if h was too large.
    ...set(CARRY, i64.const(5n)),
    ...[0, 1, 2, 3].flatMap((limb) => [
      ...less(limb),
      ...set(CARRY, i64.shr(d(limb), LIMB_BITS)),
      ...set(D + limb, low26(d(limb))),
    ]),
    ...less(4),
    ...set(D + 4, i64.sub(d(4), i64.const(1n << 26n))),
    // All ones for d, zero for h.
    ...set(CARRY, i64.sub(i64.shr(d(4), 63), i64.const(1n))),
    ...LIMBS.flatMap((limb) => set(H + limb, i64.xor(h(limb), i64.and(get(CARRY), i64.xor(h(limb), d(limb)))))),
  ];
}

/** h + s mod 2^128. */
function writeSum(): Code {
  const low = i64.or(i64.or(h(0), i64.shl(h(1), 26)), i64.shl(h(2), 52));
  const high = i64.or(i64.or(i64.shr(h(2), 12), i64.shl(h(3), 14)), i64.shl(h(4), 40));
  return [
    ...set(LOW, i64.add(low, i64.load(get(KEY), 16))),
    ...set(CARRY, i64.fromI32(i64.isBelow(get(LOW), i64.load(get(KEY), 16)))),
    ...set(HIGH, i64.add(i64.add(high, i64.load(get(KEY), 24)), get(CARRY))),
    ...i64.store(get(OUT), get(LOW)),
    ...i64.store(get(OUT), get(HIGH), 8),
  ];
}
