/** A piece of WebAssembly code: a whole expression or statement (WebAssembly Core Specification 2.0, 5.4). */
export type Code = readonly number[];

/** Value types (5.3). */
export const TYPE = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

/** A function of the module, without a result; its parameters are i32. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: number;
  /** Locals behind the parameters, as runs of one type. */
  readonly locals: ReadonlyArray<{ readonly count: number; readonly type: number }>;
  readonly body: Code;
}

const SIMD = 0xfd;
const NO_OFFSET = 0;

/** One numeric instruction on operands that stand before it. */
const simple = (opcode: number) => (...operands: readonly Code[]): Code => [...operands.flat(), opcode];
const vector = (opcode: number) => (...operands: readonly Code[]): Code => [
  ...operands.flat(),
  SIMD,
  ...unsigned(opcode),
];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value | 0))],
  add: simple(0x6a),
  sub: simple(0x6b),
  and: simple(0x71),
  isBelow: simple(0x49),
  load: (address: Code, offset = NO_OFFSET): Code => [...address, 0x28, 0, ...unsigned(offset)],
  store8: (address: Code, value: Code): Code => [...address, ...value, 0x3a, 0, NO_OFFSET],
};

export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
  add: simple(0x7c),
  sub: simple(0x7d),
  mul: simple(0x7e),
  and: simple(0x83),
  or: simple(0x84),
  xor: simple(0x85),
  shl: (value: Code, bits: number): Code => [...value, ...i64.const(BigInt(bits)), 0x86],
  shr: (value: Code, bits: number): Code => [...value, ...i64.const(BigInt(bits)), 0x88],
  isBelow: simple(0x54),
  fromI32: simple(0xad),
  load: (address: Code, offset = NO_OFFSET): Code => [...address, 0x29, 0, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = NO_OFFSET): Code => [...address, ...value, 0x37, 0, ...unsigned(offset)],
};

/** 128 bits, taken as four words of 32 where arithmetic is done. */
export const v128 = {
  load: (address: Code, offset = NO_OFFSET): Code => [...address, SIMD, 0x00, 0, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = NO_OFFSET): Code => [
    ...address,
    ...value,
    SIMD,
    ...unsigned(0x0b),
    0,
    ...unsigned(offset),
  ],
  words: (...words: readonly number[]): Code => [
    SIMD,
    0x0c,
    ...new Uint8Array(Uint32Array.from(words).buffer),
  ],
  splat: vector(0x11),
  add: vector(0xae),
  xor: vector(0x51),
  or: vector(0x50),
  shl: (value: Code, bits: number): Code => vector(0xab)(value, i32.const(bits)),
  shr: (value: Code, bits: number): Code => vector(0xad)(value, i32.const(bits)),
  /** Picks the bytes of `value` that `bytes`, each below 16, name. One instruction, other than the strict one. */
  pick: vector(0x100),
  /** Sixteen bytes. */
  bytes: (bytes: readonly number[]): Code => [SIMD, 0x0c, ...bytes],
  /** Picks sixteen of the thirty-two bytes of both. */
  shuffle: (a: Code, b: Code, bytes: readonly number[]): Code => [...a, ...b, SIMD, 0x0d, ...bytes],
};

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** Runs `body` once and again for as long as `condition`, an i32 looked at behind it, is not zero. */
export function repeatWhile(condition: Code, body: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
}

/** Runs `body` if `condition`, an i32, is not zero. */
export function when(condition: Code, body: Code): Code {
  return [...condition, 0x04, 0x40, ...body, 0x0b];
}

/** The module with `functions` and a memory of `pages` of 64 KiB, exported as `memory`. */
export function assembleModule(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...list(Array(parameters).fill([TYPE.i32])), 0]);
  const exports = functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[0x01, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([...exports, [...text("memory"), 0x02, 0]])),
    ...section(10, list(functions.map(functionBody))),
  ]);
}

function functionBody({ locals, body }: WasmFunction): Code {
  const code = [...list(locals.map(({ count, type }) => [...unsigned(count), type])), ...body, 0x0b];
  return [...unsigned(code.length), ...code];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  return list([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

/** LEB128 without a sign (5.2.2). */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value];
}

/** LEB128 with a sign (5.2.2). */
function signed(value: bigint): Code {
  const bytes: number[] = [];
  for (; value < -64n || value > 63n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  return [...bytes, Number(value & 0x7fn)];
}
