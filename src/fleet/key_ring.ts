import { join } from "node:path";
import { AppError } from "../base/errors.ts";
import { homeFolder } from "../base/home.ts";
import { type Identity, parseIdentity, readIdentity } from "../ssh/client/identity.ts";
import type { FleetSettings, HostQuestion } from "./fleet_options.ts";

/** The private keys of one call, each read once, and the one person that may be asked. */
export interface KeyRing {
  /** The key at a path or in a text. @throws AppError as `readIdentity`. */
  load(key: string, options: { passphrase: string | undefined; mayAsk: boolean }): Promise<Identity>;
  /** Puts one question at a time. @throws AppError `auth_denied` when there is nobody to ask. */
  ask(question: HostQuestion): Promise<string>;
  expandHome(path: string): string;
}

/** @returns an empty ring. */
export function openKeyRing({ auth: { prompt }, environment }: FleetSettings): KeyRing {
  const identities = new Map<string, Promise<Identity>>();
  let lastAnswer: Promise<unknown> = Promise.resolve();
  const expandHome = (path: string) => path.startsWith("~/") ? join(homeFolder(environment), path.slice(2)) : path;
  const ask = (question: HostQuestion): Promise<string> => {
    if (!prompt) return Promise.reject(new AppError("auth_denied", `There is nobody to ask: ${question.text}`));
    // Two hosts must not both read the terminal.
    const answer = lastAnswer.then(() => prompt(question));
    lastAnswer = answer.catch(() => {/* its asker is told */});
    return answer;
  };
  const askPassphrase = (source: string) => ask({ about: source, text: `Passphrase for ${source}: `, isEchoed: false });
  return {
    ask,
    expandHome,
    load(key, { passphrase, mayAsk }) {
      const known = identities.get(key);
      if (known) return known;
      const options = { passphrase, askPassphrase: mayAsk && prompt ? askPassphrase : undefined };
      const loading = key.includes("-----BEGIN ")
        ? parseIdentity(key, "the given key", options)
        : readIdentity(expandHome(key), options);
      loading.catch(() => {/* whoever asked for it is told */});
      identities.set(key, loading);
      return loading;
    },
  };
}
