import { AppError } from "../../base/errors.ts";
import type { LaunchRequest } from "../provider.ts";
import { VALOHAI_LAUNCH_FLAGS } from "./launch_flags.ts";

/** Ports below are the system's: Valohai refuses them. */
const MIN_DEBUG_PORT = 1024;
const MAX_PORT = 65_535;
/** What Valohai's own guide and our firewall commands use. */
export const DEFAULT_DEBUG_PORT = 2222;
/** RFC 8259 6. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A parameter as Valohai's API takes it; a list for one that was given more than once. */
export type ParameterValue = string | number | boolean;

/** What `porthole launch --on valohai` was asked for, checked. */
export interface ValohaiLaunch {
  readonly step: string;
  readonly commit: string | undefined;
  readonly environment: string | undefined;
  readonly image: string | undefined;
  readonly title: string | undefined;
  readonly parameters: Readonly<Record<string, ParameterValue | readonly ParameterValue[]>>;
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly debugPort: number;
  readonly debugKeyFile: string | undefined;
  readonly wantsRsa: boolean;
}

/** The launch that `request` describes. @throws AppError `usage` for whatever Valohai has no use for or would refuse. */
export function parseLaunch({ name, command, env, options }: LaunchRequest): ValohaiLaunch {
  if (command.length > 0) {
    throw new AppError(
      "usage",
      `Cannot run ${JSON.stringify(command.join(" "))} on Valohai: a step has its own command`,
      {
        hint: "Put the command into a step of valohai.yaml and name it: porthole launch --on valohai --step NAME",
      },
    );
  }
  refuseUnknown(options);
  const step = text(options, "step");
  if (step === undefined) {
    throw new AppError("usage", "Cannot launch on Valohai without a step", {
      hint: "porthole launch --on valohai --step NAME",
    });
  }
  const title = text(options, "title");
  if (name !== undefined && title !== undefined && name !== title) {
    throw new AppError(
      "usage",
      `Cannot give one execution two titles: ${JSON.stringify(name)} and ${JSON.stringify(title)}`,
      {
        hint: "On Valohai --name is the title, unless it is connected at once: leave one of them out, or --no-wait",
      },
    );
  }
  return {
    step,
    commit: text(options, "commit"),
    environment: text(options, "environment"),
    image: text(options, "image"),
    title: title ?? name,
    parameters: parseParameters(list(options, "param")),
    inputs: parseInputs(list(options, "input")),
    environmentVariables: env,
    tags: list(options, "tag"),
    debugPort: parseDebugPort(options["debug-port"]),
    debugKeyFile: text(options, "debug-key-file"),
    wantsRsa: options.rsa === true,
  };
}

/** `value`, which `flag` gave, as the port of an execution's SSH server. @throws AppError `usage` for one below 1024, or no port at all. */
export function parseDebugPort(value: unknown, flag = "--debug-port"): number {
  const port = value === undefined ? DEFAULT_DEBUG_PORT : Number(value);
  if (Number.isInteger(port) && port >= MIN_DEBUG_PORT && port <= MAX_PORT) return port;
  throw new AppError(
    "usage",
    `Cannot use ${flag} ${JSON.stringify(value)}: Valohai needs a port from ${MIN_DEBUG_PORT} to ${MAX_PORT}`,
    { hint: `${flag} ${DEFAULT_DEBUG_PORT}` },
  );
}

/**
 * A parameter's value: `true` and `false` as booleans, JSON numbers as numbers, text in double quotes as that text, and
 * anything else as it stands. A whole number too long to be kept exactly stays text.
 */
export function parseParameterValue(value: string): ParameterValue {
  if (value === "true" || value === "false") return value === "true";
  if (JSON_NUMBER.test(value)) {
    const number = Number(value);
    const isExact = /[.eE]/.test(value) ? Number.isFinite(number) : Number.isSafeInteger(number);
    return isExact ? number : value;
  }
  return unquote(value) ?? value;
}

function unquote(value: string): string | undefined {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "string" ? parsed : undefined;
  } catch {
    return undefined; // Quotes that belong to the text.
  }
}

function parseParameters(given: readonly string[]): ValohaiLaunch["parameters"] {
  const parameters: Record<string, ParameterValue | ParameterValue[]> = Object.create(null);
  for (const { name, value } of given.map((each) => parsePair(each, "--param"))) {
    const parsed = parseParameterValue(value);
    const before = parameters[name];
    parameters[name] = before === undefined ? parsed : Array.isArray(before) ? [...before, parsed] : [before, parsed];
  }
  return { ...parameters };
}

function parseInputs(given: readonly string[]): ValohaiLaunch["inputs"] {
  const inputs: Record<string, string[]> = Object.create(null);
  for (const { name, value } of given.map((each) => parsePair(each, "--input"))) (inputs[name] ??= []).push(value);
  return { ...inputs };
}

function parsePair(pair: string, flag: "--param" | "--input"): { name: string; value: string } {
  const at = pair.indexOf("=");
  if (at > 0) return { name: pair.slice(0, at), value: pair.slice(at + 1) };
  throw new AppError("usage", `Cannot read ${flag} as NAME=VALUE: got ${JSON.stringify(pair)}`, {
    hint: flag === "--param" ? "--param learning_rate=0.001" : "--input dataset=s3://bucket/data.csv",
  });
}

function refuseUnknown(options: LaunchRequest["options"]): void {
  const known = new Set(Object.keys(VALOHAI_LAUNCH_FLAGS));
  const unknown = Object.entries(options).find(([name, value]) => !known.has(name) && isGiven(value));
  if (!unknown) return;
  throw new AppError("usage", `Cannot use --${unknown[0]} on Valohai: it has no such option`, {
    hint: "porthole launch --help",
  });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}

function text(options: LaunchRequest["options"], name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function list(options: LaunchRequest["options"], name: string): readonly string[] {
  const value = options[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
