import { matchesHosts, matchesPattern } from "../known_hosts/host_names.ts";
import type { ConfigLine } from "./parse_config_line.ts";

/** What Host and Match lines ask about. */
export interface MatchSubject {
  /** As it was typed. */
  readonly originalHost: string;
  /** As far as it is known at this line: HostName may have changed it. */
  readonly host: string;
  readonly user: string;
  readonly localUser: string;
  /** True in the second pass, which `Match final` asks for. */
  readonly isFinal: boolean;
}

/** Whether the lines below a Host or Match line hold. */
export interface MatchVerdict {
  readonly isActive: boolean;
  /** True when a second pass could decide otherwise. */
  readonly wantsFinal: boolean;
  /** What was passed over, for the user. */
  readonly notice?: string;
}

/** Whether a `Host` line means the subject (ssh_config(5), PATTERNS): one negated pattern that fits rules it out. */
export function matchesHostLine(patterns: readonly string[], originalHost: string): boolean {
  const isNegated = (pattern: string) => pattern.startsWith("!");
  if (patterns.some((pattern) => isNegated(pattern) && matchesPattern(pattern.slice(1), originalHost))) return false;
  return patterns.some((pattern) => !isNegated(pattern) && matchesPattern(pattern, originalHost));
}

/**
 * Whether a `Match` line means the subject.
 *
 * `exec` runs a command of the file's choosing for every host that is looked at: it is never run here, and counts as not
 * met. So do criteria that are not known.
 */
export function evaluateMatchLine({ args, place }: ConfigLine, subject: MatchSubject): MatchVerdict {
  let isActive = true;
  let wantsFinal = false;
  for (let at = 0; at < args.length;) {
    const [, negation, name = "", inline] = /^(!?)([^=]*)(?:=(.*))?$/.exec(args[at++] ?? "") ?? [];
    const criterion = name.toLowerCase();
    if (criterion === "final") wantsFinal = true;
    let isMet = WITHOUT_ARGUMENT.get(criterion)?.(subject);
    if (isMet === undefined) {
      const argument = inline ?? args[at++] ?? "";
      isMet = WITH_ARGUMENT.get(criterion)?.(argument, subject);
      if (isMet === undefined) {
        const notice = `Passed over "Match ${criterion}" in ${place}: porthole does not ${
          criterion === "exec" ? "run commands of a configuration" : "know it"
        }`;
        // Where another criterion has said no already, nothing was passed over.
        return { isActive: false, wantsFinal, ...(isActive ? { notice } : {}) };
      }
    }
    if (isMet === (negation === "!")) isActive = false;
  }
  return { isActive, wantsFinal };
}

const WITHOUT_ARGUMENT: ReadonlyMap<string, (subject: MatchSubject) => boolean> = new Map(Object.entries({
  all: () => true,
  final: ({ isFinal }: MatchSubject) => isFinal,
  // Names are never made canonical here, which is the default of CanonicalizeHostname.
  canonical: () => false,
}));

const WITH_ARGUMENT: ReadonlyMap<string, (argument: string, subject: MatchSubject) => boolean> = new Map(
  Object.entries({
    host: (argument: string, { host }: MatchSubject) => matchesHosts(argument, host.toLowerCase()),
    originalhost: (argument: string, { originalHost }: MatchSubject) =>
      matchesHosts(argument, originalHost.toLowerCase()),
    user: (argument: string, { user }: MatchSubject) => matchesList(argument, user),
    localuser: (argument: string, { localUser }: MatchSubject) => matchesList(argument, localUser),
  }),
);

/** A list with commas, in which capitals matter. */
function matchesList(list: string, text: string): boolean {
  return matchesHostLine(list.split(","), text);
}
