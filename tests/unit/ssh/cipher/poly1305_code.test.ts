import assert from "node:assert/strict";
import { poly1305Function } from "../../../../src/ssh/cipher/poly1305_code.ts";
import { assembleModule } from "../../../../src/ssh/cipher/wasm_code.ts";
import { poly1305 } from "./poly1305_reference.ts";

const [DATA, KEY, OUT] = [1024, 64, 0];

function makeAuthenticator(): (message: Uint8Array, key: Uint8Array) => Uint8Array {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembleModule([poly1305Function], 1)));
  const { memory, poly1305 } = exports as unknown as {
    memory: WebAssembly.Memory;
    poly1305(data: number, length: number, key: number, out: number): void;
  };
  const bytes = new Uint8Array(memory.buffer);
  return (message, key) => {
    bytes.set(message, DATA);
    bytes.set(key, KEY);
    poly1305(DATA, message.length, KEY, OUT);
    return bytes.slice(OUT, OUT + 16);
  };
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

Deno.test("poly1305 gives the tag of RFC 8439 2.5.2", () => {
  const key = fromHex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
  const message = new TextEncoder().encode("Cryptographic Forum Research Group");
  assert.deepEqual(makeAuthenticator()(message, key), fromHex("a8061dc1305136c6c22b8baf0c0127a9"));
});

Deno.test("poly1305 is right where sums end near 2^130 - 5 and 2^128 (RFC 8439 A.3, 7 to 9)", () => {
  const authenticate = makeAuthenticator();
  const ones = "ff".repeat(16);
  const two = `02${"00".repeat(15)}`;
  for (
    const { r, s, data, tag } of [
      { r: two, s: "00".repeat(16), data: ones, tag: `03${"00".repeat(15)}` },
      { r: two, s: ones, data: two, tag: `03${"00".repeat(15)}` },
      { r: two, s: "00".repeat(16), data: `fd${"ff".repeat(15)}`, tag: `fa${"ff".repeat(15)}` },
    ]
  ) assert.deepEqual(authenticate(fromHex(data), fromHex(r + s)), fromHex(tag));
});

Deno.test("poly1305 agrees with the definition for every length up to 300 and for extreme bytes", () => {
  const authenticate = makeAuthenticator();
  for (let length = 0; length <= 300; length++) {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const random = crypto.getRandomValues(new Uint8Array(length));
    const extreme = new Uint8Array(length).fill(0xff);
    const largest = new Uint8Array(32).fill(0xff);
    assert.deepEqual(authenticate(random, key), poly1305(random, key), `${length} bytes`);
    assert.deepEqual(authenticate(extreme, largest), poly1305(extreme, largest), `${length} bytes, all ones`);
    assert.deepEqual(authenticate(extreme, key), poly1305(extreme, key), `${length} ones`);
  }
});
