import type { Identity } from "../ssh/client/identity.ts";
import type { BaseAgent } from "../ssh/ssh2_adapter.ts";
import type { AliasRoute, JumpOptions } from "./fleet_options.ts";

/** All that connecting to one host takes, once options, ssh_config and defaults are laid over each other. */
export interface HostSettings {
  /** The host as the caller named it. */
  readonly name: string;
  /** What a person would give `ssh` to reach the host. */
  readonly sshWords: string;
  /** Where to dial: ssh_config's HostName, or the name. */
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** What known_hosts has the key under in place of name and port. */
  readonly hostKeyAlias: string | undefined;
  readonly knownHostsFiles: readonly string[];
  readonly hostKeyCheck: "yes" | "accept-new" | "no";
  readonly identities: readonly Identity[];
  /** Offers its keys that are not in `identities`; with IdentitiesOnly, or a key that was named, those alone. */
  readonly agent: BaseAgent | undefined;
  readonly password: string | undefined;
  readonly jumps: readonly JumpOptions[];
  readonly proxyCommand: string | undefined;
  /** One of our own: dialled in this process. */
  readonly alias: AliasRoute | null;
  readonly connectTimeoutMs: number;
}
