import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { listenFailure } from "../../../src/stream/listen_failure.ts";

Deno.test("listenFailure takes a name that does not resolve for the address's fault, and nothing else unknown", () => {
  const address = { hostname: "nowhere.invalid", port: 0 };
  try {
    Deno.listen(address).close();
    assert.fail("it listens");
  } catch (error) {
    const failure = listenFailure(error, address, "hint");
    assert.ok(failure instanceof AppError);
    assert.equal(failure.code, "config_invalid");
    assert.match(failure.message, /^Cannot listen on "nowhere\.invalid:0": /);
  }
  const other = new TypeError("no");
  assert.equal(listenFailure(other, address, "hint"), other);
});
