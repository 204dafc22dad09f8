import assert from "node:assert/strict";
import type { AppError } from "../../src/base/errors.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { openUnionProvider } from "../../src/providers/union/provider.ts";
import { ROBOT_ENV, type UnionFixture } from "./union_client.ts";
import type { Json } from "./union_server.ts";

/** A public key as `ssh-keygen -y` prints it: of an ed25519 key 25 characters are fixed, 43 its own. */
export const PUBLIC_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"H".repeat(43)} ann@here`;

/** What `promise` fails with; fails itself when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

/** The provider with the robot's log-in and a key pair that is not on disk. */
export async function openProvider(
  { options, env }: UnionFixture,
  { publicKey = PUBLIC_KEY, useApiKey = false } = {},
): Promise<Provider> {
  return await openUnionProvider({
    ...options,
    env: { ...env, ...ROBOT_ENV },
    useApiKey,
    keypair: () => Promise.resolve({ publicKey, privateKeyPath: "/home/ann/.flyte/ssh-debug/id_ed25519" }),
  });
}

/** A look at an action in `phase`, its one attempt in the same; `more` is added to the attempt. */
export function attempt(phase: string, more: Json = {}): Json {
  return {
    status: { phase: `ACTION_PHASE_${phase}` },
    attempts: [{ phase: `ACTION_PHASE_${phase}`, attempt: 1, ...more }],
  };
}
