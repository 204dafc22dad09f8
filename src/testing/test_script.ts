import { AppError, describeError } from "../base/errors.ts";
import { parseDuration } from "../base/duration.ts";
import type { ExecReply } from "./exec_answer.ts";
import type { CommandMatcher } from "./exec_handlers.ts";
import type { Fault } from "./faults.ts";
import { checkFault } from "./parse_fault.ts";
import { toFileOptions } from "./test_file.ts";

/** A file of a script. */
export interface ScriptFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly options: { readonly mode?: string; readonly mtime?: number };
}

/** An exec handler of a script. */
export interface ScriptExec {
  readonly matcher: CommandMatcher;
  readonly reply: ExecReply;
}

/** What a server is to be, from JSON: for tests in other languages. */
export interface TestScript {
  readonly user?: string;
  readonly password?: string;
  readonly strict?: boolean;
  readonly banner?: string;
  readonly authorizedKeys: readonly string[];
  readonly files: readonly ScriptFile[];
  readonly exec: readonly ScriptExec[];
  readonly faults: readonly Fault[];
}

type Fields = Readonly<Record<string, unknown>>;

/** The script in `text`. @throws AppError `config_invalid` that says where in `path` it is wrong */
export function parseTestScript(text: string, path: string): TestScript {
  try {
    return readScript(toFields(JSON.parse(text), "the script"));
  } catch (error) {
    throw new AppError("config_invalid", `Cannot use the script ${JSON.stringify(path)}: ${describeError(error)}`, {
      hint: "docs/testing.md shows what a script may have",
      cause: error,
    });
  }
}

function readScript(script: Fields): TestScript {
  assertKnown(script, "the script", [
    "user",
    "password",
    "strict",
    "banner",
    "authorizedKeys",
    "files",
    "exec",
    "faults",
  ]);
  const list = (name: string) => toList(script[name] ?? [], name);
  return {
    ...text(script, "user"),
    ...text(script, "password"),
    ...text(script, "banner"),
    ...flag(script, "strict"),
    authorizedKeys: list("authorizedKeys").map(String),
    files: list("files").map((file) => readFile(file)),
    exec: list("exec").map((exec) => readExec(exec)),
    faults: list("faults").map(checkFault),
  };
}

/** A file such as `{"path": "/etc/motd", "content": "hi\n", "mode": "0644"}`; `base64` in place of `content`. */
export function readFile(value: unknown): ScriptFile {
  const file = toFields(value, "a file");
  assertKnown(file, "a file", ["path", "content", "base64", "mode", "mtime"]);
  const { path } = required(file, "path", "a file");
  const { content } = text(file, "content");
  const { base64 } = text(file, "base64");
  const { mode } = text(file, "mode");
  const options = { ...(mode === undefined ? {} : { mode }), ...count(file, "mtime") };
  toFileOptions(options);
  return { path, content: base64 === undefined ? content ?? "" : Uint8Array.fromBase64(base64), options };
}

/** A handler such as `{"command": "uptime", "stdout": "up\n"}`; `pattern`, a regular expression, in place of `command`. */
export function readExec(value: unknown): ScriptExec {
  const exec = toFields(value, "an exec");
  const fields = ["stdout", "stderr", "code", "signal", "delay", "output", "readsStdin", "ignoresSignals"];
  assertKnown(exec, "an exec", ["command", "pattern", ...fields]);
  const { pattern } = text(exec, "pattern");
  const matcher = pattern === undefined ? required(exec, "command", "an exec").command : toPattern(pattern);
  const output = exec.output === undefined
    ? {}
    : { output: toList(exec.output, "output").map((step) => readStep(step)) };
  const { delay } = text(exec, "delay");
  if (delay !== undefined) parseDuration(delay, "delay");
  const reply = {
    ...text(exec, "stdout"),
    ...text(exec, "stderr"),
    ...count(exec, "code"),
    ...text(exec, "signal"),
    ...(delay === undefined ? {} : { delay }),
    ...output,
    ...flag(exec, "readsStdin"),
    ...flag(exec, "ignoresSignals"),
  };
  return { matcher, reply };
}

function toPattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    const why = describeError(cause);
    throw new AppError("usage", `pattern must be a regular expression: got ${JSON.stringify(pattern)}: ${why}`, {
      cause,
    });
  }
}

function readStep(value: unknown) {
  const step = toFields(value, "a step of output");
  assertKnown(step, "a step of output", ["delay", "stdout", "stderr"]);
  const { delay } = text(step, "delay");
  if (delay !== undefined) parseDuration(delay, "delay");
  return { ...text(step, "delay"), ...text(step, "stdout"), ...text(step, "stderr") };
}

function toFields(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new AppError("usage", `${what} must be an object: got ${JSON.stringify(value)}`);
}

function toList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new AppError("usage", `${what} must be a list: got ${JSON.stringify(value)}`);
}

function assertKnown(fields: Fields, what: string, known: readonly string[]): void {
  const strange = Object.keys(fields).find((name) => !known.includes(name));
  if (strange === undefined) return;
  throw new AppError("usage", `${what} has no field ${JSON.stringify(strange)}: it may have ${known.join(", ")}`);
}

function required<K extends string>(fields: Fields, name: K, what: string): Readonly<Record<K, string>> {
  const found = text(fields, name)[name];
  if (found === undefined) throw new AppError("usage", `${what} needs ${JSON.stringify(name)}`);
  return { [name]: found } as Record<K, string>;
}

function text<K extends string>(fields: Fields, name: K): { readonly [P in K]?: string } {
  return typed(fields, name, (value): value is string => typeof value === "string", "text");
}

function count<K extends string>(fields: Fields, name: K): { readonly [P in K]?: number } {
  return typed(fields, name, (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0, "a number");
}

function flag<K extends string>(fields: Fields, name: K): { readonly [P in K]?: boolean } {
  return typed(fields, name, (value): value is boolean => typeof value === "boolean", "true or false");
}

function typed<K extends string, T>(
  fields: Fields,
  name: K,
  isRight: (value: unknown) => value is T,
  wanted: string,
): { readonly [P in K]?: T } {
  const value = fields[name];
  if (value === undefined) return {};
  if (!isRight(value)) throw new AppError("usage", `${name} must be ${wanted}: got ${JSON.stringify(value)}`);
  return { [name]: value } as { [P in K]?: T };
}
