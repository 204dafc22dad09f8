/** Hosts that said the same. */
export interface OutputGroup {
  readonly hosts: readonly string[];
  readonly text: string;
}

/** Puts outputs together as they come: memory grows with what differs, not with the number of hosts. */
export class OutputGroups {
  readonly #hosts = new Map<string, string[]>();

  add(host: string, text: string): void {
    const known = this.#hosts.get(text);
    if (known) known.push(host);
    else this.#hosts.set(text, [host]);
  }

  /** The groups, the largest first; of equal ones the one that came first. */
  sorted(): OutputGroup[] {
    return [...this.#hosts].map(([text, hosts]) => ({ hosts, text })).sort((a, b) => b.hosts.length - a.hosts.length);
  }
}
