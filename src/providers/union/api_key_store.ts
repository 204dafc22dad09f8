import { AppError } from "../../base/errors.ts";
import { type Environment, portholeHome } from "../../base/home.ts";
import { ensurePrivateFolder, readPrivateFile, writeFileAtomic } from "../../base/private_file.ts";
import { type ApiKey, apiKeyClientId, decodeApiKey } from "./api_key.ts";
import { tokenKey } from "./auth/token_store.ts";

/** Which key, of which deployment. */
export interface ApiKeyPlace {
  readonly env: Environment;
  readonly host: string;
  readonly name: string;
}

/** The folder of the stored keys, 0700. */
export function apiKeyFolder(env: Environment): string {
  return `${portholeHome(env)}/api-keys`;
}

/** The file that holds one encoded key, 0600, as `FLYTE_API_KEY` takes it; names of the same client id share it. */
export function apiKeyPath({ env, host, name }: ApiKeyPlace): string {
  return `${apiKeyFolder(env)}/${tokenKey(host, apiKeyClientId(name))}`;
}

/** The stored key; null when there is none. @throws AppError `unsafe_file`, `config_invalid` for a damaged one. */
export async function readStoredApiKey(place: ApiKeyPlace): Promise<(ApiKey & { readonly encoded: string }) | null> {
  const encoded = await readPrivateFile(apiKeyPath(place), "API key").catch((error: unknown) => {
    if (error instanceof AppError && error.code === "not_found") return null;
    throw error;
  });
  return encoded === null ? null : { ...decodeApiKey(encoded), encoded: encoded.trim() };
}

/** Stores an encoded key. */
export async function writeStoredApiKey(place: ApiKeyPlace, encoded: string): Promise<void> {
  await ensurePrivateFolder(apiKeyFolder(place.env));
  await writeFileAtomic(apiKeyPath(place), `${encoded}\n`);
}

/** Removes a stored key, if there is one. */
export async function removeStoredApiKey(place: ApiKeyPlace): Promise<void> {
  await Deno.remove(apiKeyPath(place)).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
