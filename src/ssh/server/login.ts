import { AppError } from "../../base/errors.ts";
import type { AuthContext } from "../ssh2_adapter.ts";
import { type AuthAttempt, type AuthDecision, type AuthMethod, readAttempt } from "./authentication.ts";
import { DISCONNECT, sayDisconnect } from "./disconnect.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** Options of {@link followLogin}. */
export interface FollowLoginOptions {
  readonly methods: readonly AuthMethod[];
  readonly maxTries: number;
  decide(attempt: AuthAttempt): AuthDecision | Promise<AuthDecision>;
  /** Told of each attempt, and of how it went. */
  onAttempt?: ((attempt: AuthAttempt, isAccepted: boolean) => void) | undefined;
  onError(error: unknown): void;
}

/**
 * Answers a client's attempts to log in, one after another. `maxTries` refusals end the connection; asking for `none`
 * first, which clients do to learn the methods, does not count (as with sshd).
 *
 * A policy that throws refuses.
 */
export function followLogin(connection: Ssh2Connection, options: FollowLoginOptions): void {
  let refusals = 0;
  let attempts = 0;
  const refuse = (context: AuthContext, decision: AuthDecision) => {
    if (context.method !== "none" || attempts > 1) refusals++;
    if (refusals >= options.maxTries) {
      const why = `too many authentication failures: ${options.maxTries} are allowed`;
      sayDisconnect(connection, { reason: DISCONNECT.noMoreAuthMethods, why });
      options.onError(
        new AppError("auth_denied", `A client was cut off: ${why}`, { details: { limit: "--max-auth-tries" } }),
      );
      connection._sock.end();
      return;
    }
    const { isPartial, methods } = typeof decision === "object"
      ? decision
      : { isPartial: false, methods: options.methods };
    context.reject([...methods], isPartial);
  };
  const answer = async (context: AuthContext) => {
    attempts++;
    const attempt = await readAttempt(context);
    const decision = attempt ? await options.decide(attempt) : false;
    if (attempt) options.onAttempt?.(attempt, decision === true);
    if (decision === true) accept(context);
    else refuse(context, decision);
  };
  connection.on("authentication", (context) => {
    answer(context).catch((error) => {
      options.onError(error);
      refuse(context, false);
    });
  });
}

/** "This key would do" must name the algorithm that was asked about; ssh2 names the key's type (RFC 4252 7, RFC 8332). */
function accept(context: AuthContext): void {
  if (context.method === "publickey" && !context.signature && context.hashAlgo) {
    context.key.algo = context.hashAlgo === "sha512" ? "rsa-sha2-512" : "rsa-sha2-256";
  }
  context.accept();
}
