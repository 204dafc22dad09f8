import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import { WebSocketStream, type WebSocketStreamOptions } from "../../src/stream/websocket_stream.ts";
import { FakeTransport } from "./websocket_transport.ts";

/** A stream on a socket that the test plays the far side of. Dispose it. */
export function open(role: "client" | "server", options: Partial<WebSocketStreamOptions> = {}) {
  const transport = new FakeTransport();
  const stream = new WebSocketStream(transport, { role, pingIntervalMs: 0, ...options });
  return { transport, stream, [Symbol.dispose]: () => stream[Symbol.dispose]() };
}

/** Lets everything run that is not waiting for the far side. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Resolves once `condition` holds; a test that waits in vain is ended by the runner. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** For `assert.rejects`: an AppError with this code and message. */
export const failsWith = (code: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};
