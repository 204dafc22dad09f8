import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import { dialWebSocket, type DialWebSocketOptions } from "../../src/stream/websocket_client.ts";

/** What a dial that must fail fails with. Secrets of the tests contain `hunter2`: none may be in it. */
export async function refusalOf(options: DialWebSocketOptions): Promise<AppError> {
  try {
    using stream = await dialWebSocket(options);
    assert.fail(`connected, with the subprotocol ${JSON.stringify(stream.protocol)}`);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.doesNotMatch(JSON.stringify(error), /hunter2/, "no secret in an error");
    return error;
  }
}
