import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { ValohaiProvider } from "../../src/providers/valohai/valohai_provider.ts";
import type { ResolveState } from "../../src/targets/resolve_state.ts";
import {
  startValohaiServer,
  VALOHAI_PROJECT_ID,
  VALOHAI_TOKEN,
  type ValohaiServer,
  type ValohaiServerOptions,
} from "./valohai_server.ts";

/** {@link stageValohai}'s server and provider. */
export interface ValohaiStage extends AsyncDisposable {
  readonly server: ValohaiServer;
  readonly home: string;
  readonly slept: number[];
  readonly provider: ValohaiProvider;
  withEnv(env: Record<string, string>): ValohaiProvider;
}

/** A server, a home and a provider between them whose clock does not run. */
export async function stageValohai(
  options: ValohaiServerOptions = {},
  env: Record<string, string> = {},
): Promise<ValohaiStage> {
  const server = startValohaiServer(options);
  const home = await Deno.makeTempDir();
  const slept: number[] = [];
  const withEnv = (more: Record<string, string>) =>
    new ValohaiProvider({
      env: {
        HOME: home,
        PORTHOLE_HOME: join(home, ".porthole"),
        VALOHAI_HOST: server.origin,
        VALOHAI_TOKEN,
        VALOHAI_PROJECT: VALOHAI_PROJECT_ID,
        ...more,
      },
      cwd: home,
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
      random: () => 0.5,
    });
  return {
    server,
    home,
    slept,
    provider: withEnv(env),
    withEnv,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** What `promise` fails with. */
export async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  throw new Error("It was to fail and did not");
}

/** All states of a run until it is ready. */
export async function resolveStates(provider: ValohaiProvider, runName: string): Promise<ResolveState[]> {
  return await Array.fromAsync(provider.resolve({ runName, actionName: "a0" }, { pollIntervalMs: 3000 }));
}
