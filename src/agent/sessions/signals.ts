/** Signals that a client may send (RFC 4254 6.9 and what OpenSSH's clients know besides), by name without `SIG`. */
const SIGNALS: ReadonlyMap<string, Deno.Signal> = new Map(
  ([
    "ABRT",
    "ALRM",
    "CONT",
    "FPE",
    "HUP",
    "ILL",
    "INT",
    "KILL",
    "PIPE",
    "QUIT",
    "SEGV",
    "STOP",
    "TERM",
    "TSTP",
    "USR1",
    "USR2",
    "WINCH",
  ] as const)
    .map((name) => [name, `SIG${name}`]),
);

/** Linux and macOS agree on the numbers that a dying process leaves, but for these. */
const NAMES: Readonly<Record<number, string>> = {
  1: "HUP",
  2: "INT",
  3: "QUIT",
  4: "ILL",
  6: "ABRT",
  8: "FPE",
  9: "KILL",
  11: "SEGV",
  13: "PIPE",
  14: "ALRM",
  15: "TERM",
  ...(Deno.build.os === "darwin" ? { 30: "USR1", 31: "USR2" } : { 10: "USR1", 12: "USR2" }),
};

/** The signal that a client calls `name`, or undefined for one that it may not send. */
export function toSignal(name: string): Deno.Signal | undefined {
  return SIGNALS.get(name);
}

/** The name of signal `number` as RFC 4254 6.10 writes it, or undefined where it has none. */
export function signalName(number: number): string | undefined {
  return NAMES[number];
}
