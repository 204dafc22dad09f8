import { AppError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { fingerprint, parsePublicKey } from "../../ssh/keys/public_key.ts";
import type { RunReference } from "../../targets/resolve_state.ts";
import type { FailedDial } from "../provider.ts";
import type { ActionDetails } from "./messages.ts";
import { type Readiness, readinessOf, runsWithoutLink } from "./readiness.ts";
import { getActionDetails, getRunDetails, runIdOf } from "./runs.ts";
import type { UnionSession } from "./session.ts";
import { messageField, messagesField, textField } from "./wire.ts";

// What a route says whose pod has gone, or is not there yet.
const SILENT = new Set(["timeout", "route_not_ready", "dial_failed", "tunnel_closed", "handshake_failed"]);
// The user waits for an error that is known already.
const ASKING_MS = 10_000;

/** What a failed dial means here: that the run has ended meanwhile, or was started for another key; else `error` itself. */
export async function explainFailure(
  session: UnionSession,
  error: AppError,
  failed: FailedDial,
): Promise<AppError> {
  const signal = AbortSignal.any([AbortSignal.timeout(ASKING_MS), ...(failed.signal ? [failed.signal] : [])]);
  try {
    if (error.code === "auth_denied" && failed.offeredIdentityFile !== undefined) {
      return await explainKey(session, error, { ...failed, signal });
    }
    return SILENT.has(error.code) ? await explainSilence(session, error, { ...failed, signal }) : error;
  } catch {
    return error; // The platform could not be asked either; the first error is the one to act on.
  }
}

/** See `Provider.keyDoubt`: a pod tells of a wrong key only when somebody logs in, which an editor does badly. */
export async function doubtKey(
  session: UnionSession,
  { runName }: RunReference,
  { identityFile, signal }: { identityFile: string; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const limit = AbortSignal.any([AbortSignal.timeout(ASKING_MS), ...(signal ? [signal] : [])]);
  try {
    const started = await startedKey(session, { runName, signal: limit });
    if (started === "") return undefined;
    const [wanted, offered] = await keyPair(started, identityFile);
    if (wanted === offered) return undefined;
    return `The run lets in the key ${wanted}; ${identityFile} is ${offered}. ` +
      `Name the right one with --identity-file, or: porthole launch --on union --rerun ${runName}`;
  } catch {
    signal?.throwIfAborted();
    return undefined; // No public half, or the platform would not say: ssh will tell.
  }
}

/** The error of a run after which nothing more comes. */
export function runEnded(
  { runName, actionName }: RunReference,
  { phase, message }: Readiness & { readonly kind: "ended" },
  cause?: AppError,
): AppError {
  const said = message ? `: ${oneLine(message, 400)}` : "";
  return new AppError("run_ended", `The run ${JSON.stringify(runName)} (${actionName}) ended as ${phase}${said}`, {
    hint:
      `porthole logs --on union ${runName}; to run it again with SSH: porthole launch --on union --rerun ${runName}`,
    details: { runName, actionName, phase, ...(message ? { platformMessage: message } : {}) },
    ...(cause === undefined ? {} : { cause }),
  });
}

async function explainSilence(session: UnionSession, error: AppError, failed: FailedDial): Promise<AppError> {
  const actionId = { run: runIdOf(session, failed.runName), name: failed.actionName };
  const details = await getActionDetails(session, actionId, failed);
  const readiness = readinessOf(details);
  if (readiness.kind === "ended") return runEnded(failed, readiness, error);
  return error.code === "timeout" ? notInTime(error, { ...failed, details }) : error;
}

/** The same error with what to do for this run: wait on, look at its log, or start it as one that can be reached. */
function notInTime(
  error: AppError,
  { runName, details }: FailedDial & { readonly details: ActionDetails },
): AppError {
  return new AppError(error.code, error.message, {
    hint: runsWithoutLink(details)
      ? `If it was started without SSH: porthole launch --on union --rerun ${runName}; else porthole logs --on union ${runName}`
      : `porthole connect --on union --timeout 15m ${runName} waits longer; porthole logs --on union ${runName} shows its log`,
    ...(error.details === undefined ? {} : { details: error.details }),
    cause: error,
  });
}

async function explainKey(session: UnionSession, error: AppError, failed: FailedDial): Promise<AppError> {
  const { runName, offeredIdentityFile = "", signal } = failed;
  const started = await startedKey(session, { runName, signal });
  const details = { runName, offeredIdentityFile };
  if (started === "") {
    return new AppError("auth_denied", `The run ${JSON.stringify(runName)} was started without a key that may log in`, {
      hint: `porthole launch --on union --rerun ${runName}`,
      details,
      cause: error,
    });
  }
  const [wanted, offered] = await keyPair(started, offeredIdentityFile);
  if (wanted === offered) return error;
  return new AppError(
    "auth_denied",
    `The run ${JSON.stringify(runName)} lets in the key ${wanted}; ${
      JSON.stringify(offeredIdentityFile)
    } is ${offered}`,
    {
      hint:
        `Give the key that it was started with (--identity-file), or: porthole launch --on union --rerun ${runName}`,
      details: { ...details, wanted, offered },
      cause: error,
    },
  );
}

/** The public key that a run was started with; empty when its environment has none. */
async function startedKey(
  session: UnionSession,
  { runName, signal }: { runName: string; signal: AbortSignal | undefined },
): Promise<string> {
  const { runSpec } = await getRunDetails(session, runIdOf(session, runName), { signal });
  const pairs = messagesField(messageField(runSpec, "envs"), "values");
  return textField(pairs.find((pair) => textField(pair, "key") === "_F_SSH_PK") ?? {}, "value");
}

/** The fingerprints of a public key and of the one beside a private key. */
async function keyPair(started: string, identityFile: string): Promise<readonly [string, string]> {
  return [await keyFingerprint(started), await keyFingerprint(await Deno.readTextFile(`${identityFile}.pub`))];
}

async function keyFingerprint(line: string): Promise<string> {
  return await fingerprint(parsePublicKey(line).blob);
}
