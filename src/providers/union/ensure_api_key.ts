import { AppError } from "../../base/errors.ts";
import { lockFile } from "../../base/file_lock.ts";
import { ensurePrivateFolder } from "../../base/private_file.ts";
import { apiKeyClientId, encodeApiKey } from "./api_key.ts";
import {
  apiKeyFolder,
  apiKeyPath,
  type ApiKeyPlace,
  readStoredApiKey,
  removeStoredApiKey,
  writeStoredApiKey,
} from "./api_key_store.ts";
import { openTokenStore, tokenKey } from "./auth/token_store.ts";
import { endpointHost } from "./endpoint.ts";
import { API_KEY_REDIRECT_URI } from "./guesses.ts";
import { rpcCodeOf } from "./rpc_error.ts";
import type { UnionSession } from "./session.ts";
import { messageField, textField } from "./wire.ts";

/** The name that the platform's own plugin gives its key. */
export const DEFAULT_API_KEY_NAME = "flyte-ssh-debug";

/** A key that is stored on this machine and known to the server. */
export interface EnsuredApiKey {
  readonly name: string;
  readonly clientId: string;
  /** As `FLYTE_API_KEY` takes it: a secret. */
  readonly encoded: string;
  readonly path: string;
  readonly isNew: boolean;
}

const SERVICE = "cloudidl.identity.AppsService";

/**
 * The key `name`, or one of this user's {@link ownNames} where an earlier clash led to it: the stored one if the server
 * still knows it, else a new one, stored 0600.
 *
 * @throws AppError `already_exists` when the name is taken by a key whose secret is elsewhere.
 */
export async function ensureApiKey(
  session: UnionSession,
  { name = DEFAULT_API_KEY_NAME, signal }: { name?: string; signal?: AbortSignal | undefined } = {},
): Promise<EnsuredApiKey> {
  const place = placeOf(session, name);
  await ensurePrivateFolder(apiKeyFolder(session.env));
  using _lock = await lockFile(`${apiKeyPath(place)}.lock`, { signal });
  for (const each of [name, ...ownNames(session, name)]) {
    const stored = await reuseStored(session, { place: placeOf(session, each), signal });
    if (stored) return stored;
  }
  return await createKey(session, { place, signal });
}

/** The key that is meant where nobody names one and that this machine has: the usual one, else this user's own. */
export async function storedKeyName(session: UnionSession): Promise<string | undefined> {
  for (const name of [DEFAULT_API_KEY_NAME, ...ownNames(session, DEFAULT_API_KEY_NAME)]) {
    if (await readStoredApiKey(placeOf(session, name))) return name;
  }
  return undefined;
}

/** Deletes the key `name` at the server and on this machine; false if the server knew none. */
export async function revokeApiKey(
  session: UnionSession,
  { name = DEFAULT_API_KEY_NAME, signal }: { name?: string; signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const isDeleted = await callUnlessMissing(session, { method: "Delete", name, signal });
  const place = placeOf(session, name);
  await removeStoredApiKey(place);
  // The tokens that were made with it may live on for a while at the server: not on this machine.
  await openTokenStore(place.env, tokenKey(place.host, apiKeyClientId(name))).remove();
  return isDeleted;
}

/**
 * What is offered when `name` is taken: `<name>-<user>`, and `<name>-<user>-<machine>` where that is taken too, as on
 * every machine whose user is root.
 */
function ownNames({ env }: UnionSession, name: string): readonly [string, string] {
  const [user, machine] = [env.USER || env.LOGNAME || env.USERNAME || "me", Deno.hostname()].map((word) =>
    word.toLowerCase().replaceAll(/[^0-9a-z]+/g, "-")
  );
  return [`${name}-${user}`, `${name}-${user}-${machine}`];
}

function placeOf({ env, config }: UnionSession, name: string): ApiKeyPlace {
  return { env, host: endpointHost(config.endpoint), name };
}

async function reuseStored(
  session: UnionSession,
  { place, signal }: { place: ApiKeyPlace; signal: AbortSignal | undefined },
): Promise<EnsuredApiKey | null> {
  const stored = await readStoredApiKey(place);
  if (!stored) return null;
  const isKnown = await callUnlessMissing(session, { method: "Get", name: stored.clientId, signal });
  if (isKnown) {
    const { clientId, encoded } = stored;
    return { name: place.name, clientId, encoded, path: apiKeyPath(place), isNew: false };
  }
  await removeStoredApiKey(place);
  return null;
}

async function createKey(
  session: UnionSession,
  { place, signal }: { place: ApiKeyPlace; signal: AbortSignal | undefined },
): Promise<EnsuredApiKey> {
  const clientId = apiKeyClientId(place.name);
  const request = {
    organization: "",
    clientId,
    clientName: clientId,
    grantTypes: ["CLIENT_CREDENTIALS", "AUTHORIZATION_CODE"],
    redirectUris: [API_KEY_REDIRECT_URI],
    responseTypes: ["CODE"],
    tokenEndpointAuthMethod: "CLIENT_SECRET_BASIC",
    consentMethod: "REQUIRED",
  };
  // Not repeated: had the first try succeeded unseen, the second would find the name taken and the secret lost.
  const answer = await session.rpc.call(`${SERVICE}/Create`, request, { signal, mayRepeat: false }).catch(
    (error: unknown) => {
      throw rpcCodeOf(error) === "already_exists" ? nameTaken(session, { place, cause: error }) : error;
    },
  );
  const app = messageField(answer, "app");
  const clientSecret = textField(app, "clientSecret");
  if (clientSecret === "") {
    throw new AppError("provider_failed", "The server made an API key and did not tell its secret", {
      hint: `porthole auth api-key revoke ${place.name}, then ensure it again`,
    });
  }
  const encoded = encodeApiKey({
    endpoint: session.config.endpoint,
    clientId: textField(app, "clientId") || clientId,
    clientSecret,
    org: undefined,
  });
  await writeStoredApiKey(place, encoded);
  return { name: place.name, clientId, encoded, path: apiKeyPath(place), isNew: true };
}

async function callUnlessMissing(
  { rpc }: UnionSession,
  { method, name, signal }: { method: "Get" | "Delete"; name: string; signal: AbortSignal | undefined },
): Promise<boolean> {
  try {
    await rpc.call(`${SERVICE}/${method}`, { organization: "", clientId: apiKeyClientId(name) }, { signal });
    return true;
  } catch (error) {
    if (rpcCodeOf(error) === "not_found") return false;
    throw error;
  }
}

function nameTaken(session: UnionSession, { place, cause }: { place: ApiKeyPlace; cause: unknown }): AppError {
  const { name, host } = place;
  const [ofUser, ofMachine] = ownNames(session, DEFAULT_API_KEY_NAME);
  const offered = name === ofUser ? ofMachine : ownNames(session, name)[0];
  return new AppError(
    "already_exists",
    `The API key name ${JSON.stringify(name)} is taken at ${
      JSON.stringify(host)
    } by a key made by somebody else, or on another machine`,
    {
      hint:
        `porthole auth api-key ensure ${offered} (if the other key is yours and unused: porthole auth api-key revoke ${name})`,
      details: { name, offered },
      cause,
    },
  );
}
