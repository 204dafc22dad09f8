import { type HashedName, isHashedName, parseHashedName } from "./hashed_name.ts";
import { matchesHosts } from "./host_names.ts";
import type { KnownHostsEntry } from "./known_hosts_line.ts";

/** Finds the entries that name a host without going through all of them, for hundreds of hosts in one call. */
export class HostIndex {
  readonly #entries: readonly KnownHostsEntry[];
  /** Positions by name, of the entries that name their hosts plainly. */
  readonly #plain = new Map<string, number[]>();
  /** Positions of entries with patterns. */
  readonly #patterns: number[] = [];
  readonly #hashed: Array<{ readonly at: number; readonly name: HashedName }> = [];
  readonly #found = new Map<string, readonly KnownHostsEntry[]>();

  constructor(entries: readonly KnownHostsEntry[]) {
    this.#entries = entries;
    for (const [at, { hosts }] of entries.entries()) this.#add(at, hosts);
  }

  /** The entries that name `name` (from `knownHostName`), in the order of the files. */
  entriesOf(name: string): readonly KnownHostsEntry[] {
    const known = this.#found.get(name) ?? this.#find(name);
    this.#found.set(name, known);
    return known;
  }

  #add(at: number, hosts: string): void {
    if (hosts.startsWith("|")) {
      const name = parseHashedName(hosts);
      if (name) this.#hashed.push({ at, name });
    } else if (/[*?!]/.test(hosts)) this.#patterns.push(at);
    else {
      for (const name of new Set(hosts.toLowerCase().split(","))) {
        const positions = this.#plain.get(name) ?? [];
        positions.push(at);
        this.#plain.set(name, positions);
      }
    }
  }

  #find(name: string): KnownHostsEntry[] {
    const bytes = new TextEncoder().encode(name);
    const positions = [
      ...this.#plain.get(name) ?? [],
      ...this.#patterns.filter((at) => matchesHosts(this.#entries[at]?.hosts ?? "", name)),
      ...this.#hashed.filter((one) => isHashedName(one.name, bytes)).map(({ at }) => at),
    ];
    return positions.sort((a, b) => a - b).flatMap((at) => this.#entries[at] ?? []);
  }
}
