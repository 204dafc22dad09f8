import type { SshCredentials } from "../ssh/client/auth.ts";
import { hasBlob, type SshAgent } from "../ssh/client/agent.ts";
import type { HostConfig, HostQuestion as ConfigQuestion } from "../ssh/config/resolve_ssh_config.ts";
import type { AliasRoute, AuthOptions, FleetSettings, HostOptions, JumpOptions } from "./fleet_options.ts";
import type { HostSettings } from "./host_settings.ts";
import { parseHostSpec } from "./host_spec.ts";
import { type KeyInHand, type KeyRing, openKeyRing } from "./key_ring.ts";

/** What ssh tries when nobody names a key (ssh_config(5), IdentityFile), as far as ssh2 can sign with them. */
const DEFAULT_KEYS = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"];

/** Where neither the caller nor ssh_config says. */
const DEFAULT_CONNECT_TIMEOUT_MS = 30_000;

/** Lays options over ssh_config over defaults, for one host at a time. What is read, is read once per resolver. */
export interface SettingsResolver {
  /** @throws AppError `usage` for a bad name; `not_found` and `key_invalid` for a key that was named. */
  resolve(host: HostOptions, options?: { isJump?: boolean }): Promise<HostSettings>;
  /** Loads what concerns all hosts: the client's own key. @throws AppError as `readIdentity`. */
  prepare(): Promise<void>;
  /** Puts questions about `name` to the caller's prompt, if there is one. */
  askFor(name: string): SshCredentials["ask"];
}

/** What ssh_config says of a host, as `ssh NAME` would see it. */
export type LookUpConfig = (query: ConfigQuestion) => Promise<HostConfig>;

/** What is known of one host when its settings are put together. */
interface Sources {
  readonly settings: FleetSettings;
  readonly auth: AuthOptions;
  readonly alias: AliasRoute | null;
  readonly config: HostConfig;
  readonly isJump: boolean;
  readonly keys: KeyRing;
}

/** @returns a resolver for one call. */
export function createSettingsResolver(settings: FleetSettings, lookUpConfig: LookUpConfig): SettingsResolver {
  const { options, auth: clientAuth } = settings;
  const keys = openKeyRing(settings);
  return {
    async resolve(host, { isJump = false } = {}) {
      const spec = parseHostSpec(host.host);
      const alias = spec.port === undefined ? await options.findAlias?.(spec.host) ?? null : null;
      // A jump logs in with what it was given, one of ours with its own; the hosts' password is none of its business.
      const inherited = !isJump ? clientAuth : alias ? {} : withoutSecrets(clientAuth);
      const auth: AuthOptions = { ...inherited, ...authOf(host) };
      const user = host.user ?? spec.user ?? inherited.user;
      const port = host.port ?? spec.port ?? (isJump ? undefined : options.port);
      const config = await lookUpConfig({ host: spec.host, user, port });
      const sources: Sources = { settings, auth, alias, config, isJump, keys };
      const jumps = jumpsOf(sources);
      const loginName = user ?? alias?.user ?? config.user;
      const portWords = alias || config.port === 22 ? "" : `-p ${config.port} `;
      return {
        name: host.host,
        sshWords: `${portWords}${loginName}@${spec.host}`,
        hostname: config.hostName,
        port: config.port,
        user: loginName,
        hostKeyAlias: alias?.hostKeyAlias ?? config.hostKeyAlias,
        knownHostsFiles: knownHostsFilesOf(sources),
        hostKeyCheck: hostKeyCheckOf(sources),
        ...await keysOf(sources),
        password: auth.password,
        jumps,
        proxyCommand: jumps.length > 0 || settings.jumps === "none" ? undefined : config.proxyCommand,
        alias,
        connectTimeoutMs: settings.connectTimeoutMs ?? config.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      };
    },
    async prepare() {
      const { key, passphrase, useAgent = true } = clientAuth;
      const socket = useAgent ? settings.environment.SSH_AUTH_SOCK : undefined;
      if (!key) return;
      await keys.load(key, { passphrase, mayAsk: true, agent: socket ? keys.agentAt(socket) : undefined });
    },
    askFor: (about) => clientAuth.prompt ? ({ text, isEchoed }) => keys.ask({ about, text, isEchoed }) : undefined,
  };
}

/** The keys to offer: the one that was named and no other, else those of ssh_config that can be read, and the agent's. */
async function keysOf(sources: Sources): Promise<Pick<HostSettings, "identities" | "agent">> {
  const { auth: { key, passphrase }, alias, config, keys } = sources;
  const socket = agentSocketOf(sources);
  const agent = socket === undefined ? undefined : keys.agentAt(socket);
  const named = key ?? alias?.identityFile;
  const inHand = named
    ? [await keys.load(named, { passphrase, mayAsk: true, agent })]
    : await configuredKeys(sources, { passphrase, agent });
  const identities = inHand.flatMap(({ identity }) => identity ?? []);
  const isRestricted = named !== undefined || config.identitiesOnly;
  if (!agent || (isRestricted && identities.length === inHand.length)) return { identities, agent: undefined };
  const blobs = (isHere: boolean) =>
    inHand.flatMap(({ identity, publicBlob }) => publicBlob && isHere === (identity !== undefined) ? [publicBlob] : []);
  // What is here was offered before: once more would only use up the server's patience.
  const [here, there] = [blobs(true), blobs(false)];
  return {
    identities,
    agent: agent.offering((blob) => isRestricted ? hasBlob(there, blob) : !hasBlob(here, blob)),
  };
}

async function configuredKeys(
  { auth: { password }, config, keys }: Sources,
  { passphrase, agent }: { passphrase: string | undefined; agent: SshAgent | undefined },
): Promise<KeyInHand[]> {
  const isConfigured = config.identityFiles.length > 0;
  if (password !== undefined && !isConfigured) return [];
  const paths = isConfigured ? config.identityFiles : DEFAULT_KEYS;
  // A key that nobody named and that is encrypted is the agent's to use, where there is one.
  const options = { passphrase, mayAsk: agent === undefined, agent };
  const loaded = await Promise.allSettled(paths.map((path) => keys.load(path, options)));
  return loaded.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

function agentSocketOf({ auth, config, settings }: Sources): string | undefined {
  if (!(auth.useAgent ?? auth.password === undefined) || config.identityAgent === "none") return undefined;
  return config.identityAgent ?? (settings.environment.SSH_AUTH_SOCK || undefined);
}

function jumpsOf({ settings, alias, config, isJump }: Sources): readonly JumpOptions[] {
  if (alias || settings.jumps === "none") return [];
  // The client's jumps lead to its hosts; the way to a jump is its own affair.
  return settings.jumps && !isJump ? settings.jumps : config.proxyJump;
}

function knownHostsFilesOf({ settings, alias, config, keys }: Sources): readonly string[] {
  const { knownHostsFile } = settings.options;
  if (knownHostsFile) return [keys.expandHome(knownHostsFile)];
  if (alias?.knownHostsFile) return [alias.knownHostsFile];
  return [...config.userKnownHostsFiles, ...config.globalKnownHostsFiles];
}

function hostKeyCheckOf({ settings: { hostKeyCheck }, alias, config }: Sources): HostSettings["hostKeyCheck"] {
  if (hostKeyCheck !== undefined) return hostKeyCheck === true ? "yes" : hostKeyCheck || "no";
  // ssh_config's "no" would take a changed key too: here a new one is all that it lets pass.
  const isLoose = config.strictHostKeyChecking === "accept-new" || config.strictHostKeyChecking === "no";
  return alias?.hostKeyCheck ?? (isLoose ? "accept-new" : "yes");
}

function withoutSecrets({ password: _, passphrase, ...rest }: AuthOptions): AuthOptions {
  return passphrase === undefined || rest.key === undefined ? rest : { ...rest, passphrase };
}

/** A host's own credentials, what it does not say left out. */
function authOf({ host: _host, port: _port, ...auth }: HostOptions): AuthOptions {
  return Object.fromEntries(Object.entries(auth).filter(([, value]) => value !== undefined));
}
