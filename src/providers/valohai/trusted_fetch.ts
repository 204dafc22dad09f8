import { AppError, describeError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";

/** A `fetch` that may trust more than the system does. Dispose it: that closes its connections. */
export interface TrustedFetch extends Disposable {
  readonly fetch: typeof globalThis.fetch;
}

/**
 * `fetch` that also trusts the certificates of `REQUESTS_CA_BUNDLE`, which Valohai's own tool reads, or of `SSL_CERT_FILE`:
 * what a private installation with a certificate authority of its own needs.
 *
 * @throws AppError `config_invalid` when that file cannot be read or holds no certificate.
 */
export async function openTrustedFetch(env: Environment): Promise<TrustedFetch> {
  const name = env.REQUESTS_CA_BUNDLE ? "REQUESTS_CA_BUNDLE" : "SSL_CERT_FILE";
  const path = env[name];
  if (!path) return { fetch: globalThis.fetch, [Symbol.dispose]: () => {} };
  const client = Deno.createHttpClient({ caCerts: await readCertificates(path, name) });
  return {
    fetch: (input, init) => globalThis.fetch(input, { ...init, client }),
    [Symbol.dispose]: () => client.close(),
  };
}

async function readCertificates(path: string, name: string): Promise<string[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw invalid(path, name, describeError(error));
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!found) throw invalid(path, name, "it holds no PEM certificate");
  return [...found];
}

function invalid(path: string, name: string, reason: string): AppError {
  return new AppError("config_invalid", `Cannot trust the certificates of ${name}=${JSON.stringify(path)}: ${reason}`, {
    hint: `Name a PEM file, or unset ${name}`,
  });
}
