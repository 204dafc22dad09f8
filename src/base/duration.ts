import { AppError } from "./errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/**
 * The milliseconds of a duration such as `30s`, `5m`, `200ms` or `1h30m`.
 *
 * `name` is what the text was given as (`--timeout`), for the error.
 * @throws AppError `usage` for anything else, a bare number included.
 */
export function parseDuration(text: string, name = "a duration"): number {
  if (!WHOLE.test(text)) {
    throw new AppError("usage", `Cannot parse ${name} as a duration such as "30s": got ${JSON.stringify(text)}`, {
      hint: /^\d+$/.test(text)
        ? `Say the unit: "${text}s" or "${text}ms"`
        : 'Units are ms, s, m, h and d, as in "1h30m"',
    });
  }
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(PART)) totalMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return totalMs;
}

/** A duration as people write it: `200ms`, `1.5s`, `12s`, `3m20s`, `10h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))}s`;
  let seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  seconds -= hours * 3600;
  const minutes = Math.floor(seconds / 60);
  seconds -= minutes * 60;
  return `${hours ? `${hours}h` : ""}${minutes ? `${minutes}m` : ""}${
    seconds || (!hours && !minutes) ? `${seconds}s` : ""
  }`;
}
