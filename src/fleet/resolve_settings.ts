import { join } from "node:path";
import { AppError } from "../base/errors.ts";
import { homeFolder } from "../base/home.ts";
import type { SshCredentials } from "../ssh/client/auth.ts";
import { type Identity, parseIdentity, readIdentity } from "../ssh/client/identity.ts";
import type { HostConfig, HostQuestion } from "../ssh/config/resolve_ssh_config.ts";
import type { AliasRoute, AuthOptions, FleetSettings, HostOptions, JumpOptions } from "./fleet_options.ts";
import type { HostSettings } from "./host_settings.ts";
import { parseHostSpec } from "./host_spec.ts";

/** What ssh tries when nobody names a key (ssh_config(5), IdentityFile), as far as ssh2 can sign with them. */
const DEFAULT_KEYS = ["id_rsa", "id_ecdsa", "id_ed25519"];

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
export type LookUpConfig = (query: HostQuestion) => Promise<HostConfig>;

/** @returns a resolver for one call. */
export function createSettingsResolver(settings: FleetSettings, lookUpConfig: LookUpConfig): SettingsResolver {
  const { environment, options } = settings;
  const identities = new Map<string, Promise<Identity>>();
  let askingInTurn: Promise<unknown> = Promise.resolve();

  /** One question at a time: two hosts must not both read the terminal. */
  const ask = (about: string, text: string, isEchoed: boolean): Promise<string> => {
    const { prompt } = settings.auth;
    if (!prompt) return Promise.reject(new AppError("auth_denied", `There is nobody to ask: ${text}`));
    const answer = askingInTurn.then(() => prompt({ about, text, isEchoed }));
    askingInTurn = answer.catch(() => {/* its asker is told */});
    return answer;
  };

  const loadIdentity = (
    key: string,
    { passphrase, mayAsk }: { passphrase: string | undefined; mayAsk: boolean },
  ): Promise<Identity> => {
    const known = identities.get(key);
    if (known) return known;
    const askPassphrase = mayAsk && settings.auth.prompt
      ? (source: string) => ask(source, `Passphrase for ${source}: `, false)
      : undefined;
    const loading = key.includes("-----BEGIN ")
      ? parseIdentity(key, "the given key", { passphrase, askPassphrase })
      : readIdentity(expandHome(key), { passphrase, askPassphrase });
    loading.catch(() => {/* whoever asked for it is told */});
    identities.set(key, loading);
    return loading;
  };

  const expandHome = (path: string) => path.startsWith("~/") ? join(homeFolder(environment), path.slice(2)) : path;

  /** The keys to offer: the one that was named and no other, else those of ssh_config that can be read. */
  const identitiesFor = async (auth: AuthOptions, alias: AliasRoute | null, config: HostConfig) => {
    const named = auth.key ?? alias?.identityFile;
    const { passphrase } = auth;
    if (named) return [await loadIdentity(named, { passphrase, mayAsk: true })];
    if (auth.password !== undefined && config.identityFiles.length === 0) return [];
    const isDefault = config.identityFiles.length === 0;
    const paths = isDefault ? DEFAULT_KEYS.map((name) => `~/.ssh/${name}`) : config.identityFiles;
    // A key that nobody named and that is encrypted is the agent's to use, where there is one.
    const mayAsk = agentFor(auth, config) === undefined;
    const loaded = await Promise.allSettled(paths.map((path) => loadIdentity(path, { passphrase, mayAsk })));
    return loaded.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  };

  const agentFor = (auth: AuthOptions, config: HostConfig): string | undefined => {
    const isWanted = auth.useAgent ??
      (auth.key === undefined && auth.password === undefined && !config.identitiesOnly);
    return isWanted ? environment.SSH_AUTH_SOCK || undefined : undefined;
  };

  const jumpsFor = (config: HostConfig, isJump: boolean): readonly JumpOptions[] => {
    if (settings.jumps === "none") return [];
    // The client's jumps lead to its hosts; the way to a jump is its own affair.
    if (settings.jumps && !isJump) return settings.jumps;
    return config.proxyJump;
  };

  const resolve: SettingsResolver["resolve"] = async (host, { isJump = false } = {}) => {
    const spec = parseHostSpec(host.host);
    // A jump logs in with what it was given; the hosts' password is none of its business.
    const inherited: AuthOptions = isJump ? withoutSecrets(settings.auth) : settings.auth;
    const auth: AuthOptions = { ...inherited, ...withoutUndefined(host) };
    const alias = spec.port === undefined && !isJump ? await options.findAlias?.(spec.host) ?? null : null;
    const givenUser = host.user ?? spec.user ?? inherited.user;
    const config = await lookUpConfig({ host: spec.host, user: givenUser, port: host.port ?? spec.port });
    const { hostName: hostname } = config;
    const port = host.port ?? spec.port ?? (isJump ? undefined : options.port) ?? config.port;
    const jumps = alias ? [] : jumpsFor(config, isJump);
    return {
      name: host.host,
      hostname,
      port,
      user: givenUser ?? alias?.user ?? config.user,
      hostKeyAlias: alias?.hostKeyAlias ?? config.hostKeyAlias,
      knownHostsFiles: knownHostsFiles(alias, config),
      hostKeyCheck: hostKeyCheck(alias, config),
      identities: await identitiesFor(auth, alias, config),
      agentSocket: agentFor(auth, config),
      password: auth.password,
      jumps,
      proxyCommand: jumps.length > 0 || settings.jumps === "none" ? undefined : config.proxyCommand,
      alias,
      connectTimeoutMs: settings.connectTimeoutMs,
    };
  };

  const knownHostsFiles = (alias: AliasRoute | null, config: HostConfig): readonly string[] => {
    if (options.knownHostsFile) return [expandHome(options.knownHostsFile)];
    if (alias?.knownHostsFile) return [alias.knownHostsFile];
    return [...config.userKnownHostsFiles, ...config.globalKnownHostsFiles];
  };

  const hostKeyCheck = (alias: AliasRoute | null, config: HostConfig): HostSettings["hostKeyCheck"] => {
    if (settings.hostKeyCheck === false) return "no";
    if (settings.hostKeyCheck === "accept-new") return "accept-new";
    if (settings.hostKeyCheck === true) return "yes";
    // "no" would take a changed key too: here a new one is all that it lets pass.
    const isLoose = config.strictHostKeyChecking === "accept-new" || config.strictHostKeyChecking === "no";
    return alias?.hostKeyCheck ?? (isLoose ? "accept-new" : "yes");
  };

  return {
    resolve,
    async prepare() {
      const { key, passphrase } = settings.auth;
      if (key) await loadIdentity(key, { passphrase, mayAsk: true });
    },
    askFor: (name) => settings.auth.prompt ? ({ text, isEchoed }) => ask(name, text, isEchoed) : undefined,
  };
}

function withoutSecrets({ password: _, passphrase, ...rest }: AuthOptions): AuthOptions {
  return passphrase === undefined || rest.key === undefined ? rest : { ...rest, passphrase };
}

function withoutUndefined(host: HostOptions): AuthOptions {
  const { host: _host, port: _port, ...auth } = host;
  return Object.fromEntries(Object.entries(auth).filter(([, value]) => value !== undefined));
}
