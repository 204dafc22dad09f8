import { AppError } from "../../base/errors.ts";
import { type Bytes, concatBytes, WireReader, wireString, wireUint32 } from "./wire.ts";

const MAGIC = new TextEncoder().encode("openssh-key-v1\0");
const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const COLUMNS = 70;

/** The envelope of a private key file, its private section still sealed (OpenSSH, PROTOCOL.key). */
export interface KeyEnvelope {
  /** `none` when the key has no passphrase. */
  readonly cipher: string;
  readonly kdf: string;
  readonly kdfOptions: Bytes;
  readonly publicBlob: Bytes;
  /** The private section: plain with cipher `none`, else encrypted. */
  readonly sealed: Bytes;
  /** What stands behind the private section: the tag of an AEAD cipher. */
  readonly tag: Bytes;
}

/** The text of the file that holds `envelope`, newline at the end. */
export function formatEnvelope({ cipher, kdf, kdfOptions, publicBlob, sealed, tag }: KeyEnvelope): string {
  const bytes = concatBytes(
    MAGIC,
    wireString(cipher),
    wireString(kdf),
    wireString(kdfOptions),
    wireUint32(1),
    wireString(publicBlob),
    wireString(sealed),
    tag,
  );
  return `${BEGIN}\n${bytes.toBase64().replace(new RegExp(`.{1,${COLUMNS}}`, "g"), "$&\n")}${END}\n`;
}

/**
 * The envelope of an `openssh-key-v1` file with one key in it.
 *
 * @throws AppError `key_invalid`, `what` naming the file, for other formats and for damage.
 */
export function parseEnvelope(text: string, what: string): KeyEnvelope {
  const reader = new WireReader(decodeArmour(text, what), what);
  if (new TextDecoder().decode(reader.readBytes(MAGIC.length)) !== "openssh-key-v1\0") {
    throw new AppError("key_invalid", `The ${what} is damaged: it does not begin with "openssh-key-v1"`);
  }
  const cipher = reader.readText();
  const kdf = reader.readText();
  const kdfOptions = reader.readString();
  const count = reader.readUint32();
  if (count !== 1) throw new AppError("key_invalid", `The ${what} must hold one key: found ${count}`);
  return {
    cipher,
    kdf,
    kdfOptions,
    publicBlob: reader.readString(),
    sealed: reader.readString(),
    tag: reader.readRest(),
  };
}

function decodeArmour(text: string, what: string): Bytes {
  const body = text.replaceAll("\r\n", "\n").trim();
  if (!body.startsWith(`${BEGIN}\n`)) throw notOpenSsh(body, what);
  if (!body.endsWith(`\n${END}`)) {
    throw new AppError("key_invalid", `The ${what} is damaged: its last line must be ${JSON.stringify(END)}`);
  }
  try {
    return Uint8Array.fromBase64(body.slice(BEGIN.length, -END.length));
  } catch (error) {
    throw new AppError("key_invalid", `The ${what} is damaged: what stands between its marks is not base64`, {
      cause: error,
    });
  }
}

function notOpenSsh(body: string, what: string): AppError {
  const [, format] = /^-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(body) ?? [];
  if (format !== undefined) {
    return new AppError("key_invalid", `The ${what} must be in OpenSSH's format: it is ${JSON.stringify(format)}`, {
      hint: "Convert it with: ssh-keygen -p -f FILE",
    });
  }
  return new AppError(
    "key_invalid",
    `The ${what} is no private key: ${body ? `it does not begin with ${JSON.stringify(BEGIN)}` : "it is empty"}`,
  );
}

/** The private section of a file: two equal check numbers, `fields`, the comment, then 1, 2, 3... up to a whole block. */
export function formatPrivateSection(
  { fields, comment, blockBytes }: { fields: Uint8Array; comment: string; blockBytes: number },
): Bytes {
  const check = crypto.getRandomValues(new Uint8Array(4));
  const section = concatBytes(check, check, fields, wireString(comment));
  const padding = (blockBytes - (section.length % blockBytes)) % blockBytes;
  return concatBytes(section, Uint8Array.from({ length: padding }, (_, index) => index + 1));
}

/** A reader that stands at the key type of an opened private section. @throws AppError `key_invalid`. */
export function openPrivateSection(section: Uint8Array, what: string): WireReader {
  const reader = new WireReader(section, what);
  if (reader.readUint32() !== reader.readUint32()) {
    throw new AppError("key_invalid", `The ${what} is damaged, or the passphrase is wrong: its check numbers differ`);
  }
  return reader;
}

/** The comment that follows the key's fields, once the padding behind it proved whole. @throws AppError `key_invalid`. */
export function closePrivateSection(reader: WireReader): string {
  const comment = reader.readText();
  if (!reader.readRest().every((byte, index) => byte === index + 1)) {
    throw new AppError("key_invalid", `The ${reader.what} is damaged: its padding is not 1, 2, 3`);
  }
  return comment;
}
