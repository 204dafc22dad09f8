import { expandTokens } from "./expand_tokens.ts";
import type { ConfigNode } from "./load_ssh_config.ts";
import { evaluateMatchLine, matchesHostLine } from "./match_block.ts";
import type { ConfigLine } from "./parse_config_line.ts";

/** What a host's lines are asked with. */
export interface CollectQuestion {
  readonly originalHost: string;
  /** The user that was typed, if one was: it counts before every file. */
  readonly user?: string | undefined;
  readonly localUser: string;
}

/** The lines that hold for one host: for each keyword the first, for IdentityFile all. */
export interface CollectedSettings {
  /** By keyword, in lower case. */
  readonly first: ReadonlyMap<string, ConfigLine>;
  readonly identityFiles: readonly ConfigLine[];
  /** What was passed over, for the user. */
  readonly notices: readonly string[];
}

/** Goes through the lines of all files in their order and keeps those that hold for the host (ssh_config(5)). */
export function collectSettings(files: readonly ConfigNode[][], question: CollectQuestion): CollectedSettings {
  const collector = new Collector(question);
  for (const nodes of files) collector.readFile(nodes);
  if (collector.wantsFinal) {
    collector.isFinal = true;
    for (const nodes of files) collector.readFile(nodes);
  }
  return collector;
}

class Collector implements CollectedSettings {
  readonly first = new Map<string, ConfigLine>();
  readonly identityFiles: ConfigLine[] = [];
  readonly #notices = new Set<string>();
  wantsFinal = false;
  isFinal = false;

  constructor(private readonly question: CollectQuestion) {}

  get notices(): readonly string[] {
    return [...this.#notices];
  }

  readFile(nodes: readonly ConfigNode[]): void {
    let isActive = true;
    for (const node of nodes) {
      if ("included" in node) {
        // A Host line of an included file ends with that file: what follows holds as it did before.
        if (isActive) { for (const file of node.included) this.readFile(file); }
      } else if (node.keyword === "host") isActive = matchesHostLine(node.args, this.question.originalHost);
      else if (node.keyword === "match") isActive = this.#evaluate(node);
      else if (isActive) this.#keep(node);
    }
  }

  #evaluate(line: ConfigLine): boolean {
    const { originalHost, user, localUser } = this.question;
    const hostName = this.first.get("hostname")?.args[0];
    const { isActive, wantsFinal, notice } = evaluateMatchLine(line, {
      originalHost,
      host: hostName === undefined ? originalHost : expandTokens(hostName, { h: originalHost }, "HostName"),
      user: user ?? this.first.get("user")?.args[0] ?? localUser,
      localUser,
      isFinal: this.isFinal,
    });
    if (wantsFinal) this.wantsFinal = true;
    if (notice !== undefined) this.#notices.add(notice);
    return isActive;
  }

  #keep(line: ConfigLine): void {
    if (line.keyword === "identityfile") {
      if (!this.identityFiles.some(({ args }) => args[0] === line.args[0])) this.identityFiles.push(line);
      return;
    }
    // Whichever of the two comes first rules the other out.
    const rival = line.keyword === "proxyjump" ? "proxycommand" : line.keyword === "proxycommand" ? "proxyjump" : "";
    if (!this.first.has(line.keyword) && !this.first.has(rival)) this.first.set(line.keyword, line);
  }
}
