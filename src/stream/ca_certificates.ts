import { AppError, describeError } from "../base/errors.ts";

/**
 * The certificates of `--ca-file` and SSL_CERT_FILE, as PEM texts, to be trusted besides the default ones.
 *
 * @throws AppError `config_invalid` for `--ca-file` that cannot be read or holds none, and for such an SSL_CERT_FILE
 */
export async function readCaCertificates(
  caFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const files: [string, string][] = [];
  if (caFile) files.push([caFile, "--ca-file"]);
  if (env.SSL_CERT_FILE) files.push([env.SSL_CERT_FILE, "SSL_CERT_FILE"]);
  return await Promise.all(files.map(([path, source]) => readBundle(path, source)));
}

async function readBundle(path: string, source: string): Promise<string> {
  const hint = `Give ${source} a PEM file with one or more certificates`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : describeError(error);
    throw new AppError("config_invalid", `Cannot read ${source} ${JSON.stringify(path)}: ${why}`, {
      hint,
      cause: error,
    });
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new AppError("config_invalid", `${source} ${JSON.stringify(path)} holds no certificate in PEM`, { hint });
  }
  return text;
}
