import { AppError } from "../../base/errors.ts";
import { blobType, isSameBytes } from "../keys/public_key.ts";
import { certifiedType, type HostCertificate, parseHostCertificate } from "../known_hosts/host_certificate.ts";
import type { Client } from "../ssh2_adapter.ts";
import { proveWithCertifiedKey } from "./certified_host_key.ts";

/** A host key as the server showed it. */
export interface OfferedHostKey {
  /** `ssh-ed25519`. */
  readonly type: string;
  /** RFC 4253 6.6. */
  readonly blob: Uint8Array;
  /** What came with it; whoever trusts its authority has to check it (`assertHoldsFor`). */
  readonly certificate?: HostCertificate;
}

/** Returns for a host key that may be trusted, else throws: an AppError `host_key_mismatch` or `host_key_unknown`. */
export type VerifyHostKey = (key: OfferedHostKey) => void | Promise<void>;

/** What ssh2 asks about host keys. */
export interface HostKeyVerifier {
  /** Answers at once or through `answer`, as ssh2 has it. */
  readonly hostVerifier: (blob: Uint8Array, answer: (isTrusted: boolean) => void) => boolean | undefined;
  /** Why a key was refused. */
  readonly error: () => unknown;
}

/** Has the host keys that `client` is shown looked at by `verifyHostKey`: once, and the same one is expected ever after. */
export function hostKeyVerifier(
  client: Client,
  { host, verifyHostKey }: { readonly host: string; readonly verifyHostKey: VerifyHostKey },
): HostKeyVerifier {
  let trusted: Uint8Array | undefined;
  let refusal: unknown;
  let isOver = false;
  client.on("error", () => isOver = true);
  client.on("close", () => isOver = true);
  return {
    hostVerifier(blob, answer) {
      let key: OfferedHostKey;
      try {
        key = readKey(blob);
      } catch (error) {
        refusal = error;
        return false;
      }
      // At once: ssh2 looks at the signature as soon as it can, whatever becomes of the key.
      if (key.certificate) proveWithCertifiedKey(client, key.certificate);
      if (trusted) {
        // Keys are exchanged anew, and ssh2 1.17 garbles what is sent while an answer is waited for then.
        const isSame = isSameBytes(trusted, blob);
        if (!isSame) refusal = otherKey(host);
        return isSame;
      }
      const shown = new Uint8Array(blob);
      const check = async () => await verifyHostKey(key);
      check().then(() => trusted = shown, (error) => refusal = error).finally(() => {
        // ssh2 cannot take an answer about a connection that has ended meanwhile.
        if (!isOver) answer(trusted !== undefined);
      });
      return undefined;
    },
    error: () => refusal,
  };
}

function readKey(blob: Uint8Array): OfferedHostKey {
  const type = blobType(blob, "host key");
  if (certifiedType(type) === undefined) return { type, blob };
  const certificate = parseHostCertificate(blob);
  return { ...certificate.key, certificate };
}

function otherKey(host: string): AppError {
  return new AppError("host_key_mismatch", `${JSON.stringify(host)} showed another host key in mid-connection`);
}
