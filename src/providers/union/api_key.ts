import { AppError } from "../../base/errors.ts";
import { endpointHost } from "./endpoint.ts";
import { API_KEY_NO_ORG } from "./guesses.ts";

/** What an encoded API key holds. */
export interface ApiKey {
  /** A host, and its port where the key's maker left one in. */
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly org: string | undefined;
}

/**
 * The client id that a key's name stands for, by the rule of the platform's own tools.
 *
 * @throws AppError `usage` for a name that leaves nothing of one.
 */
export function apiKeyClientId(name: string): string {
  const id = name.toLowerCase().replaceAll(/[^0-9a-z]+/g, "-");
  if (/[0-9a-z]/.test(id)) return id;
  throw new AppError("usage", `Cannot name an API key ${JSON.stringify(name)}: needed a letter or a digit`, {
    hint: "porthole auth api-key ensure NAME",
  });
}

/**
 * The text that goes into `FLYTE_API_KEY`: base64 of `endpoint:client_id:client_secret:org`.
 *
 * The endpoint goes in without scheme and port: whoever decodes it splits at the first three colons.
 */
export function encodeApiKey({ endpoint, clientId, clientSecret, org }: ApiKey): string {
  const host = endpoint.includes("://") ? endpointHost(endpoint) : endpoint;
  const plain = [host.replace(/:\d+$/, ""), clientId, clientSecret, org || API_KEY_NO_ORG].join(":");
  return new TextEncoder().encode(plain).toBase64();
}

/**
 * Reads an encoded API key, also one whose maker left scheme or port in.
 *
 * @throws AppError `config_invalid`; the message never quotes the key.
 */
export function decodeApiKey(encoded: string): ApiKey {
  let plain: string;
  try {
    plain = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(encoded.trim()));
  } catch {
    throw invalidKey("it is not base64"); // Without the cause: it could quote a piece of the secret.
  }
  const parts = /^(?:[a-z]+:\/\/\/?)?([^:/]+(?::\d+(?=:[^:]+:[^:]+:))?)\/?:([^:]+):([^:]+):(.*)$/is.exec(plain);
  const [, endpoint, clientId, clientSecret, org] = parts ?? [];
  if (!endpoint || !clientId || !clientSecret) throw invalidKey("it does not hold endpoint:id:secret:org");
  return { endpoint, clientId, clientSecret, org: org && org !== API_KEY_NO_ORG ? org : undefined };
}

function invalidKey(found: string): AppError {
  return new AppError("config_invalid", `Cannot read the API key: ${found}`, {
    hint: "Copy it again as a whole, or make one: porthole auth api-key ensure",
  });
}
