import { AppError } from "../../base/errors.ts";
import { joinLines } from "../../base/printable.ts";
import { fingerprint, parsePublicKey } from "../../ssh/keys/public_key.ts";
import { ROOT_ACTION, type RunReference } from "../../targets/resolve_state.ts";
import type { FailedDial } from "../provider.ts";
import type { ActionDetails } from "./messages.ts";
import { type Readiness, readinessOf, runsWithoutLink } from "./readiness.ts";
import { getActionDetails, getRunDetails, runIdOf } from "./runs.ts";
import type { UnionSession } from "./session.ts";
import { messageField, messagesField, textField } from "./wire.ts";

const LOGIN_HINT = "porthole auth login, then the same command again";
// What a route says whose pod has gone, or is not there yet.
const SILENT = new Set(["timeout", "route_not_ready", "dial_failed", "tunnel_closed", "handshake_failed"]);
// The user waits for an error that is known already.
const ASKING_MS = 3_000;

/** What a failed dial means here: that the run has ended meanwhile, or was started for another key; else `error` itself. */
export async function explainFailure(
  open: () => Promise<UnionSession>,
  error: AppError,
  failed: FailedDial,
): Promise<AppError> {
  const signal = AbortSignal.any([AbortSignal.timeout(ASKING_MS), ...(failed.signal ? [failed.signal] : [])]);
  try {
    using session = await open();
    if (error.code === "auth_denied" && failed.offeredIdentityFile !== undefined) {
      return await explainKey(session, error, { ...failed, signal });
    }
    if (wantsLogin(error)) return withHint(error, session.remedy ?? LOGIN_HINT);
    return SILENT.has(error.code) ? await explainSilence(session, error, { ...failed, signal }) : error;
  } catch (failure) {
    // Waiting longer does not help whoever has to log in.
    if (error.code === "timeout" && failure instanceof AppError && failure.code === "auth_denied") {
      return withHint(error, `${failure.message}: ${failure.hint}`);
    }
    return error; // The platform could not be asked either; the first error is the one to act on.
  }
}

/** See `Provider.keyDoubt`: a pod tells of a wrong key only when somebody logs in, which an editor does badly. */
export async function doubtKey(
  open: () => Promise<UnionSession>,
  run: RunReference,
  { identityFile, signal }: { identityFile: string; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const limit = AbortSignal.any([AbortSignal.timeout(ASKING_MS), ...(signal ? [signal] : [])]);
  try {
    using session = await open();
    const started = await startedKey(session, { runName: run.runName, signal: limit });
    if (started === "") return undefined;
    const [wanted, offered] = await keyPair(started, identityFile);
    if (wanted === offered) return undefined;
    return `The run lets in the key ${wanted}; ${identityFile} is ${offered}. ` +
      `Name the right one with --identity-file, or: ${rerunCommand(run)}`;
  } catch {
    signal?.throwIfAborted();
    return undefined; // No public half, or the platform would not say: ssh will tell.
  }
}

/** The error of a run after which nothing more comes. */
export function runEnded(
  run: RunReference,
  { phase, message }: Readiness & { readonly kind: "ended" },
  cause?: AppError,
): AppError {
  const { runName, actionName } = run;
  const said = message ? `: ${joinLines(message)}` : "";
  return new AppError("run_ended", `The run ${JSON.stringify(runName)} (${actionName}) ended as ${phase}${said}`, {
    hint: `porthole logs --on union ${words(run)}; to run it again with SSH: ${rerunCommand(run)}`,
    details: { runName, actionName, phase, ...(message ? { platformMessage: message } : {}) },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** True for a route that turned a credential down, renewed or not. */
function wantsLogin({ code, details }: AppError): boolean {
  return details?.url !== undefined && (code === "redirected" || (code === "auth_denied" && details.status === 401));
}

async function explainSilence(session: UnionSession, error: AppError, failed: FailedDial): Promise<AppError> {
  const actionId = { run: runIdOf(session, failed.runName), name: failed.actionName };
  const details = await getActionDetails(session, actionId, failed);
  const readiness = readinessOf(details);
  if (readiness.kind === "ended") return runEnded(failed, readiness, error);
  // Only the wait for the run can be longer; a call that was not answered in time tells of no state.
  const isWait = error.details?.lastState !== undefined;
  return isWait ? withHint(error, waitingHint(failed, details)) : error;
}

/** What to do for a run that did not answer in time: wait on, look at its log, or start it as one that can be reached. */
function waitingHint(run: RunReference, details: ActionDetails): string {
  const log = `porthole logs --on union ${words(run)}`;
  if (run.actionName !== ROOT_ACTION) {
    return `Only ${ROOT_ACTION} starts an SSH server: ${rerunCommand(run)}; else ${log}`;
  }
  if (runsWithoutLink(details)) return `If it was started without SSH: ${rerunCommand(run)}; else ${log}`;
  return `porthole connect --on union --timeout 15m ${run.runName} waits longer; ${log} shows its log`;
}

function withHint(error: AppError, hint: string): AppError {
  const { code, message, details = {} } = error;
  return new AppError(code, message, { hint, details, cause: error });
}

/** The command that starts a run again as one that can be reached. */
function rerunCommand(run: RunReference): string {
  return `porthole launch --on union --rerun ${words(run)}`;
}

/** The run as a command line names it. */
function words({ runName, actionName }: RunReference): string {
  return actionName === ROOT_ACTION ? runName : `${runName} ${actionName}`;
}

async function explainKey(session: UnionSession, error: AppError, failed: FailedDial): Promise<AppError> {
  const { runName, offeredIdentityFile = "", signal } = failed;
  const started = await startedKey(session, { runName, signal });
  const details = { runName, offeredIdentityFile };
  if (started === "") {
    return new AppError("auth_denied", `The run ${JSON.stringify(runName)} was started without a key that may log in`, {
      hint: rerunCommand(failed),
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
      hint: `Give the key that it was started with (--identity-file), or: ${rerunCommand(failed)}`,
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
