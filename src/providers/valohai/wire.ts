import { AppError } from "../../base/errors.ts";

/** An execution as far as porthole uses it; unknown fields are ignored. */
export interface Execution {
  readonly id: string;
  readonly counter: number;
  /** Under which its parts are asked for; ends in a slash. */
  readonly url: string;
  readonly status: string;
  readonly displayUrl?: string;
  readonly stopUrl?: string;
  readonly step?: string;
  readonly title?: string;
  readonly startedAt?: Date;
  /** The public key that it was started with, where the API tells it. */
  readonly debugKey?: string;
  readonly debugPort?: number;
}

/** A line of an execution's log or status. */
export interface ExecutionEvent {
  readonly stream: string;
  readonly time: string;
  readonly message: string;
}

/** Some of an execution's events, and how many there are. */
export interface EventPage {
  readonly events: readonly ExecutionEvent[];
  readonly total: number;
}

/** @throws AppError `provider_failed` when a field that porthole needs is missing. */
export function parseExecution(value: unknown): Execution {
  const fields = asFields(value, "an execution");
  const counter = Number(fields.counter);
  const { id, url, status } = fields;
  if (!Number.isSafeInteger(counter) || fields.counter === null) throw unexpected("an execution", "counter");
  if (typeof status !== "string") throw unexpected("an execution", "status");
  if (typeof id !== "string" && typeof id !== "number") throw unexpected("an execution", "id");
  const urls = isFields(fields.urls) ? fields.urls : {};
  const startedAt = dateOf(fields.ctime);
  const debug = isFields(fields.runtime_config) && isFields(fields.runtime_config.remote_debug)
    ? fields.runtime_config.remote_debug
    : {};
  return {
    id: String(id),
    counter,
    url: typeof url === "string" && url ? withSlash(url) : `/api/v0/executions/${encodeURIComponent(String(id))}/`,
    status,
    ...(startedAt ? { startedAt } : {}),
    ...optional({ displayUrl: urls.display, stopUrl: urls.stop, step: fields.step, title: fields.title }),
    ...optional({ debugKey: debug.debug_key }),
    ...(typeof debug.debug_port === "number" ? { debugPort: debug.debug_port } : {}),
  };
}

/** The events under `name` (`events`, `status_events`). @throws AppError `provider_failed`. */
export function parseEvents(value: unknown, name: "events" | "status_events"): EventPage {
  const fields = asFields(value, "events");
  const list = fields[name];
  if (!Array.isArray(list)) throw unexpected("events", name);
  const events = list.filter(isFields).map(({ stream, time, message }): ExecutionEvent => ({
    stream: String(stream ?? ""),
    time: String(time ?? ""),
    message: String(message ?? ""),
  }));
  return { events, total: typeof fields.total === "number" ? fields.total : events.length };
}

/** One page of a list, and where the next one is. @throws AppError `provider_failed`. */
export function parsePage(value: unknown, what: string): { results: readonly Fields[]; next: string | undefined } {
  if (Array.isArray(value)) return { results: value.filter(isFields), next: undefined };
  const { results, next } = asFields(value, what);
  if (!Array.isArray(results)) throw unexpected(what, "results");
  return { results: results.filter(isFields), next: typeof next === "string" && next ? next : undefined };
}

/** A JSON object whose fields are not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asFields(value: unknown, what: string): Fields {
  if (isFields(value)) return value;
  throw new AppError("provider_failed", `Cannot read Valohai's answer about ${what}: it is not a JSON object`, {
    hint: "Look whether VALOHAI_HOST names a Valohai installation",
  });
}

function unexpected(what: string, field: string): AppError {
  return new AppError("provider_failed", `Cannot read Valohai's answer about ${what}: it lacks "${field}"`, {
    hint: "Look whether VALOHAI_HOST names a Valohai installation",
  });
}

function optional<const K extends string>(fields: Readonly<Record<K, unknown>>): { [key in K]?: string } {
  const kept: { [key in K]?: string } = {};
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "string" && value) kept[name] = value;
  }
  return kept;
}

function dateOf(value: unknown): Date | undefined {
  const date = typeof value === "string" ? new Date(value) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
