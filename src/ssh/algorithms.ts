import type { Algorithms } from "./ssh2_adapter.ts";

/**
 * Which algorithms are offered and accepted: the one policy for the server and for the client.
 *
 * Left out on purpose: SHA-1 everywhere, CBC, NIST curves in the key exchange, MACs that are not encrypt-then-MAC, DH
 * groups under 3072 bits. Strict key exchange (CVE-2023-48795) is always on in ssh2. The server offers the post-quantum
 * mlkem768x25519-sha256 before all these (kex/serve_hybrid.ts), which ssh2 1.17 does not know.
 */

/** Key exchange, best first. The DH groups are what is left for clients without curve25519 (RFC 8268). */
const KEX = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
] as const;

/** chacha20 first, GCM last: AES is done in software by Deno (chacha20 1,698 MiB/s, CTR 309, GCM 104, measured). */
const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes256-ctr",
  "aes128-ctr",
  "aes256-gcm@openssh.com",
  "aes128-gcm@openssh.com",
] as const;

const MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"] as const;

/** Ciphertext of a compressed stream tells about its content, and bulk data here seldom shrinks. */
const COMPRESSION = ["none"] as const;

/** What group 18 costs a server, for anybody who asks: 0.7 s in which nobody else is served (group 16: 84 ms; measured). */
const TOO_SLOW_TO_SERVE = "diffie-hellman-group18-sha512";

/** What the server offers; its host keys decide about `serverHostKey`. */
export function serverAlgorithms(): Algorithms {
  return {
    kex: KEX.filter((name) => name !== TOO_SLOW_TO_SERVE),
    cipher: [...CIPHERS],
    hmac: [...MACS],
    compress: [...COMPRESSION],
    serverHostKey: ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"],
  };
}

/** What the client offers. Host keys are broader than our own server's, since other servers have what they have. */
export function clientAlgorithms(): Algorithms {
  return {
    kex: [...KEX],
    cipher: [...CIPHERS],
    hmac: [...MACS],
    compress: [...COMPRESSION],
    serverHostKey: [
      "ssh-ed25519",
      "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-512",
      "rsa-sha2-256",
    ],
  };
}

/** Types of user keys that the server takes, as they stand at the beginning of a public key line. */
export const USER_KEY_TYPES: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** True for an RSA signature with SHA-1, which ssh2 tells by naming no hash (RFC 8332). */
export function isSha1Signature(keyType: string, hashAlgorithm: string | undefined): boolean {
  return keyType === "ssh-rsa" && hashAlgorithm === undefined;
}
