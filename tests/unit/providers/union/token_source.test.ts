import assert from "node:assert/strict";
import { AppError } from "../../../../src/base/errors.ts";
import { createTokenSource } from "../../../../src/providers/union/auth/token_source.ts";
import type { TokenStore } from "../../../../src/providers/union/auth/token_store.ts";

const MINT = {
  login: () => Promise.resolve({ accessToken: "made", obtainedAt: 0 }),
  refresh: () => assert.fail("there is nothing to refresh"),
  headerNames: () => Promise.resolve(["authorization"]),
};

function storeWith(lock: TokenStore["lock"]): TokenStore {
  const read = () => Promise.resolve(null);
  return { path: "/t", read, write: () => Promise.resolve(), remove: () => Promise.resolve(), lock };
}

const lockHeld = () => Promise.reject(new AppError("timeout", 'Another process holds the lock "/t.lock" for too long'));

Deno.test("createTokenSource says that somebody else is logging in once that takes long", async () => {
  const { promise: told, resolve: onWait } = Promise.withResolvers<void>();
  const store = storeWith(async () => {
    await told;
    return { [Symbol.dispose]() {} };
  });
  const source = createTokenSource({ store, mint: MINT, now: () => 0, lockTimeoutMs: 60_000, onWait });
  assert.equal((await source.get({})).accessToken, "made");
});

Deno.test("createTokenSource names the other log-in when it was not done in time", async () => {
  const source = createTokenSource({ store: storeWith(lockHeld), mint: MINT, now: () => 0, lockTimeoutMs: 12_000 });
  await assert.rejects(source.get({}), {
    code: "timeout",
    message: "Another porthole is logging in and was not done within 12s",
    hint: "Finish that log-in, or end it, and try again",
  });
});

Deno.test("createTokenSource ends with its caller's reason, not with the lock's", async () => {
  const reason = new AppError("timeout", 'Cannot reach "train" within 3s');
  const store = storeWith(lockHeld);
  const source = createTokenSource({ store, mint: MINT, now: () => 0, lockTimeoutMs: 12_000 });
  await assert.rejects(source.get({ signal: AbortSignal.abort(reason) }), reason);
});
