import { timingSafeEqual } from "node:crypto";
import { parsePublicKey } from "../ssh/keys/public_key.ts";
import type { AuthAttempt, AuthMethod } from "../ssh/server/authentication.ts";
import { isIssuedTestKey } from "./test_key.ts";

/** Options of {@link Credentials}. */
export interface CredentialsOptions {
  readonly user: string;
  /** Empty for none. */
  readonly password?: string;
  readonly key?: TestPublicKey;
  readonly authorizedKeys?: readonly string[];
}

/** A public key line, or what has one. */
export type TestPublicKey = string | { readonly publicKey: string };

/**
 * Who may log in. Without a password and without keys it is whoever holds a key of `testKey()` of this process, and
 * nobody else.
 */
export class Credentials {
  readonly user: string;
  readonly #password: string;
  readonly #blobs = new Set<string>();

  /** @throws AppError `key_invalid` for a line that is no public key. */
  constructor({ user, password = "", key, authorizedKeys = [] }: CredentialsOptions) {
    this.user = user;
    this.#password = password;
    if (key !== undefined) this.addKey(key);
    for (const line of authorizedKeys) this.addKey(line);
  }

  /** Lets the key of a line `type base64 [comment]` in. True if it was not let in before. @throws AppError `key_invalid` */
  addKey(key: TestPublicKey): boolean {
    const blob = parsePublicKey(typeof key === "string" ? key : key.publicKey).blob.toBase64();
    const isNew = !this.#blobs.has(blob);
    this.#blobs.add(blob);
    return isNew;
  }

  /** What a refused client is told to try. */
  get methods(): readonly AuthMethod[] {
    return this.#password === "" ? ["publickey"] : ["publickey", "password", "keyboard-interactive"];
  }

  async accepts(attempt: AuthAttempt): Promise<boolean> {
    if (attempt.user !== this.user) return false;
    switch (attempt.method) {
      case "publickey":
        return this.#acceptsKey(attempt.key.blob);
      case "password":
        return this.#acceptsPassword(attempt.password);
      case "keyboard-interactive": {
        if (this.#password === "") return false;
        const [answer = ""] = await attempt.ask([{ prompt: "Password: ", echo: false }]);
        return this.#acceptsPassword(answer);
      }
      default:
        return false;
    }
  }

  #acceptsKey(blob: Uint8Array): boolean {
    if (this.#blobs.size > 0 || this.#password !== "") return this.#blobs.has(blob.toBase64());
    return isIssuedTestKey(blob);
  }

  #acceptsPassword(given: string): boolean {
    if (this.#password === "") return false;
    const [a, b] = [given, this.#password].map((text) => new TextEncoder().encode(text));
    return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
  }
}
