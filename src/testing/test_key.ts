import { join } from "node:path";
import { generateEd25519, type GenerateKeyOptions } from "../ssh/keys/generate.ts";

/** A key pair for one test, in a folder of its own (0700) that goes when it is disposed. */
export interface TestKey extends AsyncDisposable {
  /** The private key's file, 0600. */
  readonly path: string;
  /** The public key's file, beside it. */
  readonly publicKeyPath: string;
  /** The line of a `.pub` file, without a newline. */
  readonly publicKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
  /** Removes the files. May be called twice. */
  dispose(): Promise<void>;
}

/**
 * The public blobs (base64) of the keys that {@link testKey} made in this process and that were not disposed yet.
 *
 * The one state of this module: a server without credentials takes the keys of `testKey()` and no others, and between
 * the two functions there is nothing else to pass it on.
 */
const issued = new Set<string>();

/** True for a key that {@link testKey} made in this process. */
export function isIssuedTestKey(blob: Uint8Array): boolean {
  return issued.has(blob.toBase64());
}

/** A fresh ed25519 key pair, which test servers without credentials of their own let in. Dispose it. */
export async function testKey(options: GenerateKeyOptions = {}): Promise<TestKey> {
  const { key, blob } = await makeTestKey(options);
  issued.add(blob);
  return {
    ...key,
    dispose: () => forget(key, blob),
    [Symbol.asyncDispose]: () => forget(key, blob),
  };
}

async function forget(key: TestKey, blob: string): Promise<void> {
  issued.delete(blob);
  await key.dispose();
}

/** As {@link testKey}, a key that no server knows yet; `blob` is the public key in base64. */
export async function makeTestKey(options: GenerateKeyOptions = {}): Promise<{ key: TestKey; blob: string }> {
  const { privateKey, publicKey, fingerprint, publicBlob } = await generateEd25519("porthole-test", options);
  const folder = await Deno.makeTempDir({ prefix: "porthole-test-key-" });
  const path = join(folder, "id_ed25519");
  await Deno.writeTextFile(path, privateKey, { mode: 0o600, createNew: true });
  await Deno.writeTextFile(`${path}.pub`, `${publicKey}\n`);
  const dispose = () =>
    Deno.remove(folder, { recursive: true }).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  const key: TestKey = {
    path,
    publicKeyPath: `${path}.pub`,
    publicKey,
    fingerprint,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return { key, blob: publicBlob.toBase64() };
}
