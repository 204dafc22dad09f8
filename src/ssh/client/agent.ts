import type { Buffer } from "node:buffer";
import { isSameBytes } from "../keys/public_key.ts";
import { BaseAgent, createAgent, type ParsedKey } from "../ssh2_adapter.ts";

/** An ssh-agent, asked once for its keys however many hosts they are for. */
export interface SshAgent {
  /** The public halves (RFC 4253 6.6) that it holds. @throws Error when it cannot be asked. */
  list(): Promise<readonly Uint8Array[]>;
  /** What a log-in is given: offers those of its keys for which `isOffered` holds. */
  offering(isOffered: (publicBlob: Uint8Array) => boolean): BaseAgent;
}

/** The agent at `socketPath`, a socket or a named pipe. Nothing is dialled yet. */
export function openAgent(socketPath: string): SshAgent {
  const agent = createAgent(socketPath);
  let asked: Promise<ParsedKey[]> | undefined;
  const ask = () => {
    asked ??= new Promise<ParsedKey[]>((resolve, reject) => {
      agent.getIdentities((error, keys) => error ? reject(error) : resolve((keys ?? []).filter(isParsed)));
    });
    return asked;
  };
  return {
    list: async () => (await ask()).map(publicBlobOf),
    offering: (isOffered) => {
      return new OfferingAgent(agent, async () => (await ask()).filter((key) => isOffered(publicBlobOf(key))));
    },
  };
}

/** True when `blob` is one of `blobs`. */
export function hasBlob(blobs: readonly Uint8Array[], blob: Uint8Array): boolean {
  return blobs.some((one) => isSameBytes(one, blob));
}

function publicBlobOf(key: ParsedKey): Uint8Array {
  return new Uint8Array(key.getPublicSSH());
}

function isParsed(key: unknown): key is ParsedKey {
  return typeof key === "object" && key !== null && "getPublicSSH" in key;
}

class OfferingAgent extends BaseAgent<ParsedKey> {
  constructor(private readonly agent: BaseAgent, private readonly keys: () => Promise<ParsedKey[]>) {
    super();
  }

  override getIdentities(done: (error?: Error, keys?: ParsedKey[]) => void): void {
    this.keys().then((keys) => done(undefined, keys), (error) => done(error));
  }

  override sign(key: ParsedKey, data: Buffer, ...rest: readonly unknown[]): void {
    // The options may be left out, which a call with all of them cannot say.
    Reflect.apply(this.agent.sign, this.agent, [key, data, ...rest]);
  }
}
