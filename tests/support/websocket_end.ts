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

/** Long for a busy machine, and short enough to see which test waits in vain. */
const PATIENCE_MS = 60_000;

/** Resolves once `condition` holds. @throws Error that shows it, after a minute */
export async function until(condition: () => boolean): Promise<void> {
  const startedAt = performance.now();
  while (!condition()) {
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`It never came to ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** For `assert.rejects`: an AppError with this code and message. */
export const failsWith = (code: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};
