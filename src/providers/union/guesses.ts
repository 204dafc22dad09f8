/**
 * What the platform does not publish, or what only a live account can confirm. Each of these is a guess of this
 * program, kept here so that it can be corrected in one place; docs/union.md lists them for whoever has an account.
 */

/** Guess: that the ingress takes Connect's JSON encoding. The protocol says a handler should; theirs is unverified. */
export const RPC_CONTENT_TYPE = "application/json";

/** Guess: the column by which ListRuns sorts from newest to oldest. */
export const RUN_SORT_KEY = "created_at";

/** Guess: the literal that stands for "no organization" in an encoded API key outside of the serverless offering. */
export const API_KEY_NO_ORG = "None";

/** Guess: where a client registered for an API key pretends to be called back. It is never called. */
export const API_KEY_REDIRECT_URI = "http://localhost:8080/authorization-code/callback";

/** Guess: the page of a run in the deployment's console. */
export function consoleUrl(
  endpoint: string,
  { project, domain, name }: { readonly project: string; readonly domain: string; readonly name: string },
): string {
  const [inDomain, inProject, run] = [domain, project, name].map(encodeURIComponent);
  return `${endpoint}/v2/domain/${inDomain}/project/${inProject}/runs/${run}`;
}

/**
 * Guess: which headers the ingress in front of `/dataplane` reads. The plugin's manual says `authorization`, a
 * self-hosted control plane reads the key that discovery tells: both lines are sent when they differ.
 */
export function credentialHeaderNames(discoveredKey: string): readonly string[] {
  const key = discoveredKey.toLowerCase();
  return key === "" || key === "authorization" ? ["authorization"] : ["authorization", key];
}

// run_name.max_len of flyteidl2.common.RunIdentifier.
const MAX_RUN_NAME = 30;
const HASH_LENGTH = 8;

/**
 * Guess: the name of the run that debugs another one. Theirs is derived from the run's name by an unpublished formula;
 * any name works that is the same every time, fits 30 characters and differs between people (hence the public key).
 * `generation` counts up from 1 past runs of that name which have ended.
 */
export async function debugRunName(
  { runName, actionName, publicKey, generation = 1 }: {
    readonly runName: string;
    readonly actionName: string;
    readonly publicKey: string;
    readonly generation?: number;
  },
): Promise<string> {
  const identity = JSON.stringify([runName, actionName, publicKey.split(" ", 2)]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity)));
  const hash = digest.toHex().slice(0, HASH_LENGTH);
  const tail = generation === 1 ? `-${hash}` : `-${hash}-${generation}`;
  const head = `ssh-${runName.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  return `${head.slice(0, MAX_RUN_NAME - tail.length).replace(/-+$/, "")}${tail}`;
}
