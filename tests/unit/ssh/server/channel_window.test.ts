import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { measureRoundTrip, windowBytes } from "../../../../src/ssh/server/channel_window.ts";
import type { Ssh2Connection } from "../../../../src/ssh/server/ssh2_internals.ts";

const MIB = 1024 * 1024;

function connectionWith(roundTripMs: number | undefined): Ssh2Connection {
  return Object.assign(new EventEmitter(), { _sock: { roundTripMs } }) as unknown as Ssh2Connection;
}

Deno.test("windowBytes gives a near client 2 MiB, a far one what 100 MB/s need, and nobody more than 8 MiB", () => {
  assert.equal(windowBytes(connectionWith(undefined)), 2 * MIB);
  assert.equal(windowBytes(connectionWith(1)), 2 * MIB);
  assert.equal(windowBytes(connectionWith(50)), 5_000_000);
  assert.equal(windowBytes(connectionWith(120)), 8 * MIB);
});

Deno.test("measureRoundTrip counts from the first key exchange to the first attempt to log in, once", () => {
  const connection = connectionWith(undefined);
  measureRoundTrip(connection);
  connection.emit("authentication");
  assert.equal(connection._sock.roundTripMs, undefined);
  connection.emit("handshake");
  connection.emit("authentication");
  const measured = connection._sock.roundTripMs;
  assert.ok(measured !== undefined && measured >= 0);
  connection.emit("handshake");
  connection.emit("authentication");
  assert.equal(connection._sock.roundTripMs, measured);
});
