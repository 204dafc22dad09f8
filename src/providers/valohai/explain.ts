import { AppError } from "../../base/errors.ts";
import { hostPort } from "../../base/host_port.ts";
import { oneLine } from "../../base/printable.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { tryParsePublicKey } from "../../ssh/keys/public_key.ts";
import type { Cidr } from "./cidr.ts";
import { CLOUD_NAMES, CLOUDS, firewallCommands } from "./firewall.ts";
import type { OfferedKey } from "./offered_key.ts";
import type { Execution } from "./wire.ts";

/** What is known of an execution that could not be dialled or logged in to. */
export interface DialContext {
  readonly counter: number | "latest";
  /** Where its SSH server should be. */
  readonly address: string;
  readonly port: number;
  /** The caller as the execution sees it, if this machine can know. */
  readonly source: Cidr | undefined;
  /** Which key the execution lets in: type and fingerprint. */
  readonly executionKey?: string | undefined;
  readonly offered?: OfferedKey | undefined;
}

/** What keeps an execution alive, since it ends with its command. */
const KEEP_HINT =
  'End the step\'s commands with "- sleep 1h", or run its command under: porthole agent --hold always --hold-for 1h -- COMMAND';

/** An execution that has come to its end. `message` is the platform's latest sentence about it. */
export function explainEnded(
  { counter, status, message }: { counter: number; status: string; message?: string | undefined },
): AppError {
  const said = message ? ` The last that Valohai said: ${oneLine(message)}` : "";
  return new AppError("run_ended", `Execution #${counter} is ${oneLine(status, 40)}. Cannot SSH into it.${said}`, {
    hint: `An execution ends with its command. ${KEEP_HINT}; porthole logs ${counter} --on valohai shows why it ended`,
    details: { counter, status },
  });
}

/** A running execution that never tells of an SSH server. `debugKey` is what it was started with, if that is known. */
export function explainNoDetails({ counter, step }: Execution, debugKey: string | undefined): AppError {
  const start = `porthole launch --on valohai --step ${shellQuote(step ?? "NAME")} --debug-port 2222`;
  const fail = (why: string, hint: string) =>
    new AppError("route_not_ready", `Execution #${counter} runs, but tells of no SSH server: ${why}`, {
      hint,
      details: { counter },
    });
  if (debugKey === undefined) return fail("it was not started with SSH", `Start it so: ${start}`);
  if (!tryParsePublicKey(debugKey)) {
    return fail("what it was given as its key is no public key", `Start it with one: ${start}`);
  }
  return fail(
    "it was started with SSH, so that it may be late",
    `porthole connect ${counter} --on valohai again in a minute; porthole logs ${counter} --on valohai shows what it does. ` +
      `If its SSH server failed, start another: ${start}`,
  );
}

/**
 * The documented failure that `error`, met while dialling or logging in, stands for; `error` itself when it is none.
 *
 * Refused and timed out lead to the firewall, denied to the two keys.
 */
export function explainDialFailure(error: AppError, context: DialContext): AppError {
  if (error.code === "auth_denied") return explainDenied(error, context);
  const fail = (what: string, hint: string) =>
    new AppError("dial_failed", `${where(context)}: ${what}`, { hint, details: details(context), cause: error });
  switch (error.details?.reason) {
    case "refused":
      return fail("the connection was refused", `Another port, or a firewall that refuses. ${firewallHint(context)}`);
    case "unreachable":
      return fail("no route leads there, which a closed firewall may look like", firewallHint(context));
    case "timeout":
      return fail("the connection timed out, which a closed firewall looks like", firewallHint(context));
    case "silent":
      return fail(
        "something takes the connection, and it is no SSH server",
        `The firewall is open. Its SSH server may still be on its way: porthole connect ${context.counter} --on valohai ` +
          "again; else another program has that port: porthole launch with another --debug-port",
      );
  }
  return error;
}

function explainDenied(cause: AppError, { counter, executionKey, offered }: DialContext): AppError {
  const connect = `porthole connect ${counter} --on valohai`;
  const fail = (message: string, hint: string) =>
    new AppError("auth_denied", `Execution #${counter} does not let ${message}`, {
      hint,
      details: {
        counter,
        ...(executionKey ? { executionKey } : {}),
        ...(offered ? { offeredKey: offered.text } : {}),
      },
      cause,
    });
  const has = `this key in: it has ${executionKey ?? "one that Valohai does not tell"}`;
  if (offered?.fault) {
    const { reason, remedy, identityFile } = offered.fault;
    return fail(
      `${has}; none was offered, since ${JSON.stringify(offered.path)} ${reason}`,
      `${remedy} ${connect} --identity-file ${shellQuote(identityFile)}`,
    );
  }
  if (executionKey !== undefined && offered?.text.startsWith(executionKey.split(" (")[0] ?? "")) {
    return fail(
      `its own key in: ${offered.text}`,
      `Its SSH server may have just begun, or want another user: ${connect} [--user NAME]`,
    );
  }
  return fail(
    `${has}; offered was ${offered?.text ?? "none that fits"}`,
    `${connect} --identity-file KEY, with the private key (no .pub) that belongs to ${
      executionKey ? "it" : "the public key that the execution was started with"
    }, mode 0600`,
  );
}

function where({ counter, address, port }: DialContext): string {
  return `Cannot reach execution #${counter} at ${hostPort(address, port)}`;
}

/** A line each, as they are to be pasted. */
function firewallHint({ port, source }: DialContext): string {
  const [given, whose] = source ? [source.text, ""] : ["ADDRESS", " for your address on the internet,"];
  return [
    `The workers' firewall must let you in on port ${port}. An administrator adds the rule of the cloud that they run in:`,
    ...CLOUDS.flatMap((cloud) => [`# ${CLOUD_NAMES[cloud]}`, ...firewallCommands(cloud, { port, source }).add]),
    `# porthole firewall aws|gcp|azure --port ${port} --source ${given} prints them${whose} with the way back`,
  ].join("\n");
}

function details(context: DialContext): Readonly<Record<string, unknown>> {
  const { counter, address, port, source } = context;
  const firewall = Object.fromEntries(CLOUDS.map((cloud) => [cloud, firewallCommands(cloud, { port, source }).add]));
  return { counter, address, port, firewall };
}
