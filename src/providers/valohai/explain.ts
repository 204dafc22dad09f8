import { AppError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import type { Cidr } from "./cidr.ts";
import { CLOUDS, firewallCommands } from "./firewall.ts";

/** What is known of an execution that could not be dialled or logged in to. */
export interface DialContext {
  readonly counter: number | "latest";
  /** Where its SSH server should be. */
  readonly address: string;
  readonly port: number;
  /** The caller as the execution sees it, if this machine can know. */
  readonly source: Cidr | undefined;
  /** Which key the execution lets in, and the one that was offered; `SHA256:...` and where each comes from. */
  readonly executionKey?: string | undefined;
  readonly offeredKey?: string | undefined;
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

/** A running execution that never tells of an SSH server. */
export function explainNoDetails({ counter, step }: { counter: number; step?: string }): AppError {
  return new AppError(
    "route_not_ready",
    `Execution #${counter} runs, but tells of no SSH server: it was not started with SSH`,
    {
      hint: `Start it so: porthole launch --on valohai --step ${shellQuote(step ?? "NAME")} --debug-port 2222`,
      details: { counter },
    },
  );
}

/**
 * The documented failure that `error`, met while dialling or logging in, stands for; `error` itself when it is none.
 *
 * Refused and timed out lead to the firewall, denied to the two keys.
 */
export function explainDialFailure(error: AppError, context: DialContext): AppError {
  if (error.code === "auth_denied") return explainDenied(error, context);
  const text = `${error.message} ${String(error.details?.lastState ?? "")} ${
    error.cause instanceof Error ? error.cause.message : ""
  }`;
  if (/refused|ECONNREFUSED/i.test(text)) return explainRefused(error, context);
  const isSilent = /timed? ?out|unreachable|did not (?:answer|connect)|ETIMEDOUT|no route/i.test(text);
  if (isSilent || error.code === "timeout") return explainSilent(error, context);
  return error;
}

function explainRefused(cause: AppError, context: DialContext): AppError {
  return new AppError("dial_failed", `${where(context)}: the connection was refused`, {
    hint: `Another port, or a firewall that refuses. ${firewallHint(context)}`,
    details: details(context),
    cause,
  });
}

function explainSilent(cause: AppError, context: DialContext): AppError {
  return new AppError(
    "dial_failed",
    `${where(context)}: the connection timed out, which a closed firewall looks like`,
    {
      hint: firewallHint(context),
      details: details(context),
      cause,
    },
  );
}

function explainDenied(cause: AppError, { counter, executionKey, offeredKey }: DialContext): AppError {
  if (executionKey !== undefined && offeredKey?.startsWith(executionKey.split(" (")[0] ?? "")) {
    return new AppError("auth_denied", `Execution #${counter} does not let its own key in: ${offeredKey}`, {
      hint:
        `Its SSH server may have just begun, or want another user: porthole connect ${counter} --on valohai [--user NAME]`,
      details: { counter, executionKey, offeredKey },
      cause,
    });
  }
  const has = executionKey ?? "one that Valohai does not tell";
  return new AppError(
    "auth_denied",
    `Execution #${counter} does not let this key in: it has ${has}; offered was ${offeredKey ?? "none that fits"}`,
    {
      hint:
        `porthole connect ${counter} --on valohai --identity-file KEY, with the private key (no .pub) that belongs to ${
          executionKey ? "it" : "the public key that the execution was started with"
        }, mode 0600`,
      details: { counter, ...(executionKey ? { executionKey } : {}), ...(offeredKey ? { offeredKey } : {}) },
      cause,
    },
  );
}

function where({ counter, address, port }: DialContext): string {
  return `Cannot reach execution #${counter} at ${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function firewallHint({ port, source }: DialContext): string {
  const rules = CLOUDS.map((cloud) => {
    const { add } = firewallCommands(cloud, { port, source });
    return `  ${add.join("\n  ")}`;
  });
  return [
    `The workers' firewall must let you in on port ${port}. An administrator adds the rule of the cloud that they run in ` +
    `(porthole firewall aws|gcp|azure --port ${port}${source ? ` --source ${source.text}` : ""} explains it):`,
    ...rules,
  ].join("\n  ");
}

function details(context: DialContext): Readonly<Record<string, unknown>> {
  const { counter, address, port, source } = context;
  const firewall = Object.fromEntries(CLOUDS.map((cloud) => [cloud, firewallCommands(cloud, { port, source }).add]));
  return { counter, address, port, firewall };
}
