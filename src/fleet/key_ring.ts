import { AppError } from "../base/errors.ts";
import { expandHome } from "../base/home.ts";
import { hasBlob, openAgent, type SshAgent } from "../ssh/client/agent.ts";
import { type Identity, parseIdentity, readIdentity, type ReadIdentityOptions } from "../ssh/client/identity.ts";
import { parsePublicKey } from "../ssh/keys/public_key.ts";
import type { FleetSettings, HostQuestion } from "./fleet_options.ts";

/** A key that was asked for: its private half, or with an agent that holds that the public one alone. */
export interface KeyInHand {
  readonly identity?: Identity;
  readonly publicBlob?: Uint8Array;
}

/** How a key is to be had. */
export interface LoadKeyOptions {
  readonly passphrase: string | undefined;
  /** Whether a person may be asked for the passphrase. */
  readonly mayAsk: boolean;
  /** An agent that may hold the key, if it cannot be read here. */
  readonly agent: SshAgent | undefined;
}

/** The keys and agents of one call, each read and asked once, and the one person that may be asked. */
export interface KeyRing {
  /** The key at a path or in a text. @throws AppError as `readIdentity`. */
  load(key: string, options: LoadKeyOptions): Promise<KeyInHand>;
  agentAt(socketPath: string): SshAgent;
  /** Puts one question at a time. @throws AppError `auth_denied` when there is nobody to ask. */
  ask(question: HostQuestion): Promise<string>;
  expandHome(path: string): string;
}

/** @returns an empty ring. */
export function openKeyRing({ auth: { prompt }, environment }: FleetSettings): KeyRing {
  const loaded = new Map<string, Promise<KeyInHand>>();
  const agents = new Map<string, SshAgent>();
  let lastAnswer: Promise<unknown> = Promise.resolve();
  const inHome = (path: string) => expandHome(path, environment);
  const ask = (question: HostQuestion): Promise<string> => {
    if (!prompt) return Promise.reject(new AppError("auth_denied", `There is nobody to ask: ${question.text}`));
    // Two hosts must not both read the terminal.
    const answer = lastAnswer.then(() => prompt(question));
    lastAnswer = answer.catch(() => {/* its asker is told */});
    return answer;
  };
  const askPassphrase = (source: string) => ask({ about: source, text: `Passphrase for ${source}: `, isEchoed: false });
  const read = async (key: string, options: ReadIdentityOptions): Promise<KeyInHand> => {
    const identity = isKeyText(key)
      ? await parseIdentity(key, "the given key", options)
      : await readIdentity(inHome(key), options);
    return { identity, publicBlob: new Uint8Array(identity.key.getPublicSSH()) };
  };
  const load = async (key: string, { passphrase, mayAsk, agent }: LoadKeyOptions): Promise<KeyInHand> => {
    try {
      return await read(key, { passphrase });
    } catch (error) {
      if (agent && !isKeyText(key)) {
        const publicBlob = await readPublicHalf(inHome(key));
        if (publicBlob && await holds(agent, publicBlob)) return { publicBlob };
      }
      if (!mayAsk || !prompt || !isEncrypted(error)) throw error;
      return await read(key, { passphrase, askPassphrase });
    }
  };
  return {
    ask,
    expandHome: inHome,
    load(key, options) {
      const known = loaded.get(key);
      if (known) return known;
      const loading = load(key, options);
      loading.catch(() => {/* whoever asked for it is told */});
      loaded.set(key, loading);
      return loading;
    },
    agentAt(socketPath) {
      const agent = agents.get(socketPath) ?? openAgent(socketPath);
      agents.set(socketPath, agent);
      return agent;
    },
  };
}

/** True for the refusal of a key that is encrypted, without its passphrase. */
function isEncrypted(error: unknown): boolean {
  return error instanceof AppError && error.details?.isEncrypted === true;
}

function isKeyText(key: string): boolean {
  return key.includes("-----BEGIN ");
}

/** From the file beside the key, or from the file itself: ssh takes a public key as the name of one that an agent holds. */
async function readPublicHalf(path: string): Promise<Uint8Array | undefined> {
  for (const file of [`${path}.pub`, path]) {
    try {
      return parsePublicKey(await Deno.readTextFile(file)).blob;
    } catch {
      // Without it nobody can say whether an agent holds the key: why it cannot be read here is told then.
    }
  }
  return undefined;
}

async function holds(agent: SshAgent, publicBlob: Uint8Array): Promise<boolean> {
  try {
    return hasBlob(await agent.list(), publicBlob);
  } catch {
    return false; // An agent that cannot be asked holds nothing; the log-in tells why if it comes to that.
  }
}
