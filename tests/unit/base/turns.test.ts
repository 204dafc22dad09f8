import assert from "node:assert/strict";
import { nextTurn, Turns } from "../../../src/base/turns.ts";

Deno.test("nextTurn has the system asked: what has come at a socket is seen to, whatever else there is to do", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using far = await listener.accept();
  for (let time = 0; time < 20; time++) {
    let isRead = false;
    const reading = near.read(new Uint8Array(1)).then(() => isRead = true);
    await far.write(new Uint8Array([1]));
    let turns = 0;
    for (; !isRead && turns < 1000; turns++) await nextTurn();
    assert.ok(turns < 10, `${turns} turns`);
    await reading;
  }
});

Deno.test("Turns gives a turn for every so many bytes", async () => {
  const turns = new Turns(100);
  const isAtOnce = async (count: number) => {
    let isDone = false;
    turns.after(count).then(() => isDone = true);
    for (let i = 0; i < 5; i++) await Promise.resolve();
    const was = isDone;
    while (!isDone) await nextTurn();
    return was;
  };
  assert.equal(await isAtOnce(99), true);
  assert.equal(await isAtOnce(1), false);
  assert.equal(await isAtOnce(99), true);
  assert.equal(await isAtOnce(300), false);
});
