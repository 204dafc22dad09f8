import assert from "node:assert/strict";
import { answerExchange, beginExchange } from "../../../../src/ssh/kex/mlkem768_x25519.ts";

Deno.test("both sides of mlkem768x25519-sha256 know the same secret, another one each time", async () => {
  const secrets = new Set<string>();
  for (let time = 0; time < 3; time++) {
    const { init, finish } = await beginExchange();
    const { reply, secret } = await answerExchange(init);
    assert.deepEqual([init.length, reply.length, secret.length], [1216, 1120, 32]);
    assert.deepEqual(await finish(reply), secret);
    secrets.add(secret.toHex());
  }
  assert.equal(secrets.size, 3);
});

Deno.test("answerExchange refuses what is no part of a client: too short, no ML-KEM key, an X25519 key of small order", async () => {
  const { init } = await beginExchange();
  await assert.rejects(answerExchange(init.subarray(1)), /needs 1216 bytes, found 1215/);
  await assert.rejects(answerExchange(new Uint8Array(1216).fill(0xff)));
  await assert.rejects(answerExchange(new Uint8Array([...init.subarray(0, 1184), ...new Uint8Array(32)])));
});

Deno.test("a reply that was tampered with makes another secret", async () => {
  const { init, finish } = await beginExchange();
  const { reply, secret } = await answerExchange(init);
  reply[5] = (reply[5] ?? 0) ^ 1;
  assert.notDeepEqual(await finish(reply), secret);
});
