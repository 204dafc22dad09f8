import { AppError } from "../../base/errors.ts";
import { isSha1Signature, USER_KEY_TYPES } from "../algorithms.ts";
import { blobType, fingerprint } from "../keys/public_key.ts";
import { type AuthContext, type KeyboardAuthContext, type PublicKeyAuthContext, utils } from "../ssh2_adapter.ts";

/** The methods of RFC 4252 and RFC 4256 that a client can be told to go on with. */
export type AuthMethod = "publickey" | "password" | "keyboard-interactive";

/** A question of RFC 4256. */
export interface AuthPrompt {
  readonly prompt: string;
  /** Whether the client may show the answer while it is typed. */
  readonly echo: boolean;
}

/** What a client tries in order to be let in. */
export type AuthAttempt =
  & { readonly user: string }
  & (
    | { readonly method: "none" }
    | {
      readonly method: "publickey";
      readonly key: { readonly type: string; readonly blob: Uint8Array; readonly fingerprint: string };
      /** False when the client only asks whether this key would do; its saying so lets nobody in. */
      readonly isVerified: boolean;
    }
    | { readonly method: "password"; readonly password: string }
    | {
      readonly method: "keyboard-interactive";
      /** Puts questions to the person; rejects when the client gives up. */
      ask(
        prompts: readonly AuthPrompt[],
        texts?: { title?: string; instructions?: string },
      ): Promise<readonly string[]>;
    }
  );

/** Yes, no, or no with what to go on with: `isPartial` says that this step was right and more is wanted. */
export type AuthDecision = boolean | { readonly isPartial: boolean; readonly methods: readonly AuthMethod[] };

/** Says whether an attempt is let in. Signatures were verified before: it decides about the key alone. */
export type Authenticate = (attempt: AuthAttempt) => AuthDecision | Promise<AuthDecision>;

/** RSA keys under this size are refused, as OpenSSH does not (it stops at 1024) but NIST SP 800-131A asks. */
const MIN_RSA_BLOB_BYTES = 2048 / 8;

/**
 * The attempt that `context` stands for, with the signature checked.
 *
 * @returns undefined for what no policy may accept: a wrong signature, SHA-1, an unknown key type, host-based login.
 */
export async function readAttempt(context: AuthContext): Promise<AuthAttempt | undefined> {
  const user = context.username;
  switch (context.method) {
    case "none":
      return { user, method: "none" };
    case "password":
      return { user, method: "password", password: context.password };
    case "keyboard-interactive":
      return { user, method: "keyboard-interactive", ask: (prompts, texts) => ask(context, prompts, texts) };
    case "publickey":
      return await readKeyAttempt(context);
    default:
      return undefined;
  }
}

async function readKeyAttempt(context: PublicKeyAuthContext): Promise<AuthAttempt | undefined> {
  const blob = new Uint8Array(context.key.data);
  const type = context.key.algo;
  if (!USER_KEY_TYPES.includes(type) || isSha1Signature(type, context.hashAlgo)) return undefined;
  if (innerType(blob) !== type || (type === "ssh-rsa" && blob.length < MIN_RSA_BLOB_BYTES)) return undefined;
  const isVerified = context.signature !== undefined;
  if (isVerified && !verifies(context, blob)) return undefined;
  return {
    user: context.username,
    method: "publickey",
    key: { type, blob, fingerprint: await fingerprint(blob) },
    isVerified,
  };
}

function innerType(blob: Uint8Array): string | undefined {
  try {
    return blobType(blob);
  } catch {
    // A blob that cannot be read has no type; the caller refuses it.
    return undefined;
  }
}

function verifies({ key, blob: signed, signature, hashAlgo }: PublicKeyAuthContext, blob: Uint8Array): boolean {
  const parsed = utils.parseKey(`${key.algo} ${blob.toBase64()}`);
  if (parsed instanceof Error || !signature || !signed) return false;
  const [first] = [parsed].flat();
  return first?.verify(signed, signature, hashAlgo) === true;
}

function ask(
  context: KeyboardAuthContext,
  prompts: readonly AuthPrompt[],
  { title = "", instructions = "" }: { title?: string; instructions?: string } = {},
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    context.prompt([...prompts], title, instructions, (answers: unknown) => {
      if (Array.isArray(answers)) resolve(answers.map(String));
      else reject(new AppError("cancelled", "The client gave up answering", { cause: answers }));
    });
  });
}
