import { join } from "node:path";
import type { SessionOptions } from "../../src/providers/union/session.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";
import { PLACE } from "./union_state.ts";
import { UnionServer, type UnionServerOptions } from "./union_server.ts";

/** A control plane, a home folder with a configuration for it, and a clock and sleeps that take no time. */
export interface UnionFixture extends AsyncDisposable {
  readonly server: UnionServer;
  readonly home: TempHome;
  readonly env: Record<string, string>;
  /** What a session of this user is opened with; nobody can be asked unless the test says so. */
  readonly options: SessionOptions;
  /** Milliseconds that were slept, one by one. */
  readonly sleeps: number[];
  readonly clock: { now: number };
  /** Writes `~/.flyte/config.yaml`. */
  configure(admin: Record<string, unknown>, task?: Record<string, unknown>): Promise<void>;
}

/** Starts the whole; `admin` is added to the section of that name in the configuration. */
export async function makeUnionFixture(
  { admin = {}, ...serverOptions }: UnionServerOptions & { readonly admin?: Record<string, unknown> } = {},
): Promise<UnionFixture> {
  const clock = { now: Date.parse("2026-11-20T12:00:00Z") };
  const home = await makeTempHome();
  const server = new UnionServer({ now: () => clock.now, ...serverOptions });
  const env = { HOME: home.path, PORTHOLE_HOME: home.portholeHome, USER: "ann" };
  const sleeps: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    sleeps.push(ms);
    clock.now += ms;
    return Promise.resolve();
  };
  const configure = async (section: Record<string, unknown>, task: Record<string, unknown> = PLACE) => {
    await Deno.mkdir(join(home.path, ".flyte"), { recursive: true });
    // JSON is YAML.
    const text = JSON.stringify({ admin: { endpoint: server.endpoint, ...section }, task });
    await Deno.writeTextFile(join(home.path, ".flyte", "config.yaml"), text);
  };
  await configure(admin);
  return {
    server,
    home,
    env,
    sleeps,
    clock,
    configure,
    options: { env, cwd: home.path, sleep, now: () => clock.now },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** The configuration of a client with a secret that the test server knows. */
export const ROBOT = { authType: "ClientSecret", clientId: "robot", clientSecretEnvVar: "ROBOT_SECRET" } as const;

/** The environment that goes with {@link ROBOT}. */
export const ROBOT_ENV = { ROBOT_SECRET: "robot secret+/" } as const;
