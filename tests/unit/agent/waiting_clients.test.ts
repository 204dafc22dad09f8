import assert from "node:assert/strict";
import { WaitingClients } from "../../../src/agent/waiting_clients.ts";

function makeRoom(maxWaiting: number) {
  const sentAway: string[] = [];
  const room = new WaitingClients({ maxWaiting });
  return { room, sentAway, enter: (name: string) => room.enter(() => sentAway.push(name)) };
}

Deno.test("WaitingClients.enter sends the first of those away that have come least far", () => {
  const { sentAway, enter, room } = makeRoom(3);
  enter("a").advance("keyed");
  enter("b").advance("greeted");
  enter("c");
  enter("d");
  assert.deepEqual(sentAway, ["c"]);
  enter("e");
  enter("f").advance("greeted");
  assert.deepEqual(sentAway, ["c", "d", "e"]);
  enter("g").advance("keyed");
  enter("h");
  assert.deepEqual(sentAway, ["c", "d", "e", "b", "f"]);
  assert.equal(room.count, 3);
});

Deno.test("WaitingClients counts nobody who has left, and takes nobody back", () => {
  const { sentAway, enter, room } = makeRoom(1);
  const first = enter("a");
  first[Symbol.dispose]();
  const second = enter("b");
  assert.equal(sentAway.length, 0);
  enter("c");
  second.advance("keyed", () => sentAway.push("b again"));
  assert.deepEqual(sentAway, ["b", "b again"]);
  assert.equal(room.count, 1);
});

Deno.test("WaitingClients.sendHalfAway makes room at once", () => {
  const { sentAway, enter, room } = makeRoom(10);
  for (const name of "abcde") enter(name);
  room.sendHalfAway();
  assert.deepEqual([sentAway, room.count], [["a", "b", "c"], 2]);
});
