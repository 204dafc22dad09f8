import { AppError } from "../../base/errors.ts";
import { readPrivateFile } from "../../base/private_file.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { type ParsedKey, utils } from "../ssh2_adapter.ts";

/** A private key that is ready to sign: parsed once, used for any number of hosts. */
export interface Identity {
  /** Where it came from, for messages: a path, or `the given key`. */
  readonly source: string;
  readonly key: ParsedKey;
}

/** Options of the functions that read a private key. */
export interface ReadIdentityOptions {
  readonly passphrase?: string | undefined;
  /** Asked once for a passphrase when the key is encrypted and none was given. */
  readonly askPassphrase?: ((source: string) => Promise<string>) | undefined;
}

/**
 * The private key in the file `path`: OpenSSH, PEM or PPK.
 *
 * @throws AppError `not_found`; `unsafe_file` when others can read it; `key_invalid` for damage, for a wrong passphrase
 * and for an encrypted key without one.
 */
export async function readIdentity(path: string, options: ReadIdentityOptions = {}): Promise<Identity> {
  return await parseIdentity(await readPrivateFile(path, "private key"), path, options);
}

/** The private key in `text`; `source` names it in errors. @throws AppError `key_invalid`. */
export async function parseIdentity(
  text: string,
  source: string,
  { passphrase, askPassphrase }: ReadIdentityOptions = {},
): Promise<Identity> {
  let parsed = utils.parseKey(text, passphrase);
  if (parsed instanceof Error && isPassphraseMissing(parsed) && askPassphrase) {
    passphrase = await askPassphrase(source);
    parsed = utils.parseKey(text, passphrase);
  }
  if (parsed instanceof Error) throw unreadable(source, { error: parsed, hasPassphrase: passphrase !== undefined });
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!key?.isPrivateKey()) {
    throw new AppError("key_invalid", `The file ${JSON.stringify(source)} is no private key`, {
      hint: "Give the private key, without .pub",
    });
  }
  return { source, key };
}

function isPassphraseMissing(error: Error): boolean {
  return /no passphrase given/i.test(error.message);
}

function unreadable(source: string, { error, hasPassphrase }: { error: Error; hasPassphrase: boolean }): AppError {
  const quoted = JSON.stringify(source);
  if (isPassphraseMissing(error)) {
    return new AppError("key_invalid", `The private key ${quoted} is encrypted and no passphrase was given`, {
      hint: `Add it to the agent: ssh-add ${shellQuote(source)}`,
      details: { isEncrypted: true },
    });
  }
  const why = hasPassphrase ? "it is damaged, or the passphrase is wrong" : "it is damaged or of an unknown format";
  return new AppError("key_invalid", `Cannot read the private key ${quoted}: ${why}`, {
    hint: `See what ssh-keygen says: ssh-keygen -y -f ${shellQuote(source)}`,
    cause: error,
  });
}
