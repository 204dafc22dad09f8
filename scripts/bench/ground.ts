import { join } from "node:path";
import { describeError } from "../../src/base/errors.ts";
import { programPath } from "../../tests/support/programs.ts";
import { makeTempHome, type TempHome } from "../../tests/support/temp_home.ts";
import { findPorthole, type PortholeProgram } from "./porthole_program.ts";
import { quietShellPrefix } from "./quiet_shell.ts";
import { runChecked } from "./run_checked.ts";
import type { Reach, Way } from "./ways/way.ts";

/** What all rows stand on: files, keys, and servers that are started once and shared. Disposing it stops and removes all. */
export interface Ground extends AsyncDisposable {
  /** A folder on tmpfs where there is one, so that no disk is measured. */
  readonly folder: string;
  readonly home: TempHome;
  readonly porthole: PortholeProgram;
  readonly user: string;
  /** The private key that every server lets in, and the file with its public half. */
  readonly identityFile: string;
  readonly authorizedKeysFile: string;
  /** What stands before the words of every server, see {@link quietShellPrefix}. */
  readonly serverPrefix: readonly string[];
  /** How much the rows on throughput carry. */
  readonly payloadMiB: number;
  /** A file in `folder` with so many mebibytes of random bytes, made when it is first asked for. */
  payload(mebibytes: number): Promise<string>;
  /** Starts what `way` needs, the first time; null, told with `skip`, when this machine cannot. */
  reach(way: Way): Promise<Reach | null>;
  /** What `make` comes to, made when it is first asked for: what several rows stand on. `key` is theirs alone. */
  shared<T>(key: string, make: () => Promise<T>): Promise<T>;
  /** Says, once, what is left out and why. */
  skip(reason: string): void;
  progress(line: string): void;
  /** Ties something to the ground's end. */
  keep<T extends AsyncDisposable>(resource: T): T;
}

/** Options of {@link prepareGround}. */
export interface GroundOptions {
  readonly payloadMiB: number;
  notice(line: string): void;
  progress(line: string): void;
}

/** Makes the files and keys. @throws Error when ssh-keygen is missing. */
export async function prepareGround({ payloadMiB, notice, progress }: GroundOptions): Promise<Ground> {
  const stack = new AsyncDisposableStack();
  try {
    const home = stack.use(await makeTempHome());
    const folder = await Deno.makeTempDir({ prefix: "porthole-bench-", ...(hasTmpfs() ? { dir: "/dev/shm" } : {}) });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const identityFile = join(home.path, "id_ed25519");
    await runChecked([programPath("ssh-keygen") ?? "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", identityFile]);
    const payloads = new Map<number, Promise<string>>();
    const reached = new Map<Way, Promise<Reach | null>>();
    const shared = new Map<string, Promise<unknown>>();
    const skipped = new Set<string>();
    const ground: Ground = {
      folder,
      home,
      porthole: findPorthole(),
      user: await userName(),
      identityFile,
      authorizedKeysFile: `${identityFile}.pub`,
      serverPrefix: await quietShellPrefix(notice),
      payloadMiB,
      payload(mebibytes) {
        const existing = payloads.get(mebibytes) ?? writePayload(join(folder, `payload-${mebibytes}`), mebibytes);
        payloads.set(mebibytes, existing);
        return existing;
      },
      reach(way) {
        const existing = reached.get(way) ?? startWay(way, ground);
        reached.set(way, existing);
        return existing;
      },
      shared<T>(key: string, make: () => Promise<T>) {
        const existing = shared.get(key) ?? make();
        shared.set(key, existing);
        // Whoever made it under this key gave it its type.
        return existing as Promise<T>;
      },
      skip(reason) {
        if (!skipped.has(reason)) notice(`left out: ${reason}`);
        skipped.add(reason);
      },
      progress,
      keep: (resource) => stack.use(resource),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
    return ground;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function startWay(way: Way, ground: Ground): Promise<Reach | null> {
  const missing = way.missing();
  if (missing !== null) {
    ground.skip(`${way.name}: ${missing}`);
    return null;
  }
  return await way.start(ground).catch((error: unknown) => {
    ground.skip(`${way.name}: ${describeError(error)}`);
    return null;
  });
}

/** Random bytes: what compresses would flatter whoever compresses. */
async function writePayload(path: string, mebibytes: number): Promise<string> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const block = crypto.getRandomValues(new Uint8Array(65536));
  const mebibyte = new Uint8Array(1 << 20);
  for (let at = 0; at < mebibyte.length; at += block.length) mebibyte.set(block, at);
  for (let count = 0; count < mebibytes; count++) {
    for (let at = 0; at < mebibyte.length;) at += await file.write(mebibyte.subarray(at));
  }
  return path;
}

async function userName(): Promise<string> {
  return (await runChecked(["id", "-un"])).trim();
}

function hasTmpfs(): boolean {
  try {
    return Deno.statSync("/dev/shm").isDirectory;
  } catch {
    return false; // A system without it: the temp folder has to do.
  }
}
