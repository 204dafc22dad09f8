/** Flags that every command on many hosts has: which hosts, how they are connected to. */
export const HOST_FLAGS = {
  exclude: { kind: "list", short: "x", placeholder: "HOSTS", summary: "Leave these out" },
  "hosts-file": { kind: "string", placeholder: "FILE", summary: "Take hosts from a file too, a node set a line" },
  groups: {
    kind: "string",
    placeholder: "FILE",
    summary: "Where @groups are: TOML or ini; $PORTHOLE_HOME/groups.toml or groups.ini unless given",
  },
  parallel: { kind: "integer", short: "p", default: 32, min: 0, summary: "Hosts at once; 0 is no limit" },
  "connect-timeout": {
    kind: "duration",
    summary: "For connecting and logging in; ssh_config's ConnectTimeout, else 30s",
  },
  retry: { kind: "integer", default: 2, summary: "Further tries of a connection that was refused or hung up on" },
  user: { kind: "string", short: "l", placeholder: "NAME", summary: "Log in as this user" },
  port: { kind: "integer", min: 1, max: 65535, summary: "Connect to this port" },
  identity: { kind: "string", short: "i", placeholder: "FILE", summary: "Log in with this private key" },
  jump: { kind: "string", short: "J", placeholder: "HOST,...", summary: "Go through these hosts, as ssh -J" },
  config: { kind: "string", short: "F", placeholder: "FILE", summary: "Another ssh_config than ~/.ssh/config" },
  "known-hosts": { kind: "string", placeholder: "FILE", summary: "Another known_hosts file" },
  "accept-new": { kind: "boolean", summary: "Trust and file the key of a host that is not known yet" },
  "insecure-ignore-host-key": { kind: "boolean", summary: "Do not check host keys: anybody can pose as the host" },
} as const;

/** Flags of the commands that work on hosts one after another or at once, and may stop in between. */
export const POLICY_FLAGS = {
  "fail-fast": { kind: "boolean", summary: "Start no more hosts after one failed" },
  canary: { kind: "integer", placeholder: "N", summary: "The first N must succeed before the others start" },
  "dry-run": { kind: "boolean", summary: "Connect to nobody; show what would be done" },
} as const;

/** Flags of what runs commands on hosts. */
export const SUDO_FLAGS = {
  timeout: { kind: "duration", summary: "For the command on each host; it is killed then" },
  sudo: { kind: "boolean", summary: "Run it through sudo" },
  "as-user": { kind: "string", placeholder: "NAME", summary: "With --sudo: as this user" },
  "ask-sudo-password": { kind: "boolean", summary: "Ask for sudo's password once; it goes to sudo's stdin" },
} as const;

/** Flags of both transfers. */
export const TRANSFER_FLAGS = {
  timeout: { kind: "duration", summary: "For the transfer to or from each host; it is given up then" },
  recursive: { kind: "boolean", short: "r", summary: "Take whole folders" },
  mode: { kind: "string", placeholder: "OCTAL", summary: "Permission bits of every file; else those of the source" },
  resume: { kind: "boolean", summary: "Go on where an earlier transfer of the same file stopped" },
  checksum: { kind: "boolean", summary: "Compare SHA-256 on both ends" },
} as const;
