import { join, resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { type Environment, homeFolder } from "../../base/home.ts";
import { decodeApiKey } from "./api_key.ts";
import { type ConfigLocation, findConfigFile } from "./config_file.ts";
import { endpointHost, normalizeEndpoint } from "./endpoint.ts";
import { asMessage, type Message } from "./wire.ts";
import { readYamlFile } from "./yaml_file.ts";

/** How a token is come by; `authType` of the configuration. */
export type AuthConfig =
  | { readonly kind: "none" }
  | { readonly kind: "pkce" | "device"; readonly clientId?: string; readonly scopes: readonly string[] }
  | {
    readonly kind: "client_secret";
    readonly clientId: string;
    readonly scopes: readonly string[];
    /** Reads the secret when it is needed. @throws AppError `config_invalid`, `not_found`. */
    readonly readSecret: () => Promise<string>;
  }
  | { readonly kind: "command"; readonly command: readonly string[] }
  /** The headers are the user's own affair: lines `Name: value` of a private file. */
  | { readonly kind: "passthrough"; readonly headersFile: string };

/** Where the control plane is and how to talk to it. */
export interface UnionConfig {
  /** As {@link normalizeEndpoint} gives it. */
  readonly endpoint: string;
  readonly org: string;
  readonly project: string;
  readonly domain: string;
  readonly auth: AuthConfig;
  /** Its output goes into `proxy-authorization`, for an authenticating proxy in front of the platform. */
  readonly proxyCommand?: readonly string[];
  readonly caFile?: string;
  readonly httpProxyUrl?: string;
  /** Asked for, and not honoured: see {@link createHttp}. */
  readonly insecureSkipVerify: boolean;
  /** The file it was read from. */
  readonly path?: string;
  /** See {@link ConfigLocation.isProjectLocal}. */
  readonly isProjectLocal: boolean;
}

/** Options of {@link loadUnionConfig}; what is given here wins over environment and file. */
export interface LoadConfigOptions {
  readonly env: Environment;
  readonly cwd: string;
  readonly configFile?: string | undefined;
  /** True when `configFile` was found in a project by an earlier search, and not named by the user. */
  readonly isProjectLocal?: boolean;
  /** False to take no file but `configFile`: for a process that an editor starts in whatever folder it is in. */
  readonly search?: boolean;
  readonly endpoint?: string | undefined;
  readonly org?: string | undefined;
  readonly project?: string | undefined;
  readonly domain?: string | undefined;
}

// Keys that make porthole run something or send a file's or variable's content somewhere.
const TRUSTED_KEYS = ["command", "proxyCommand", "clientSecretLocation", "clientSecretEnvVar"];

/**
 * The configuration: options, `FLYTE_API_KEY`, `FLYTE_ADMIN_ENDPOINT` and its like, then the file.
 *
 * @throws AppError `config_invalid` when no endpoint is found, or a file that lies in the project names a command or a
 * secret to send; `not_found` for a named file that is not there.
 */
export async function loadUnionConfig(options: LoadConfigOptions): Promise<UnionConfig> {
  const { env, cwd, configFile, search = true } = options;
  const location = configFile !== undefined
    ? { path: resolve(cwd, configFile), isProjectLocal: options.isProjectLocal ?? false }
    : search
    ? await findConfigFile({ env, cwd })
    : undefined;
  const settings = new Settings(location ? await readYamlFile(location.path) : {}, env);
  if (location?.isProjectLocal) assertHarmless(settings, location);
  const apiKey = env.FLYTE_API_KEY ? decodeApiKey(env.FLYTE_API_KEY) : undefined;
  const insecure = settings.flag("admin.insecure");
  const configured = options.endpoint ?? settings.text("admin.endpoint");
  const endpoint = apiKey
    ? endpointOfKey(apiKey.endpoint, configured, insecure)
    : normalizeEndpoint(configured ?? throwNoEndpoint(location), { insecure });
  const caFile = settings.text("admin.caCertFilePath");
  const proxyCommand = settings.words("admin.proxyCommand");
  const httpProxyUrl = settings.text("admin.httpProxyURL");
  return {
    endpoint,
    org: options.org ?? settings.text("task.org") ?? apiKey?.org ?? defaultOrg(endpoint),
    project: options.project ?? settings.text("task.project") ?? "",
    domain: options.domain ?? settings.text("task.domain") ?? "",
    auth: apiKey
      ? {
        kind: "client_secret",
        clientId: apiKey.clientId,
        scopes: settings.words("admin.scopes"),
        readSecret: () => Promise.resolve(apiKey.clientSecret),
      }
      : readAuth(settings, { env, insecure, cwd }),
    insecureSkipVerify: settings.flag("admin.insecureSkipVerify"),
    isProjectLocal: location?.isProjectLocal ?? false,
    ...(proxyCommand.length > 0 ? { proxyCommand } : {}),
    ...(caFile === undefined ? {} : { caFile: expandHome(caFile, { env, cwd }) }),
    ...(httpProxyUrl === undefined ? {} : { httpProxyUrl }),
    ...(location ? { path: location.path } : {}),
  };
}

/** A key names a bare host; the port and scheme that the configuration knows for the same host are kept. */
function endpointOfKey(keyEndpoint: string, configured: string | undefined, insecure: boolean): string {
  const fromKey = normalizeEndpoint(keyEndpoint, { insecure });
  if (configured === undefined) return fromKey;
  const fromConfig = normalizeEndpoint(configured, { insecure });
  const isSameHost = new URL(fromConfig).hostname === new URL(fromKey).hostname;
  return isSameHost && new URL(fromKey).port === "" ? fromConfig : fromKey;
}

function readAuth(
  settings: Settings,
  { env, insecure, cwd }: { env: Environment; insecure: boolean; cwd: string },
): AuthConfig {
  if (insecure) return { kind: "none" };
  const type = settings.text("admin.authType") ?? "Pkce";
  const clientId = settings.text("admin.clientId");
  const scopes = settings.words("admin.scopes");
  const interactive = { scopes, ...(clientId === undefined ? {} : { clientId }) };
  switch (type.toLowerCase()) {
    case "pkce":
      return { kind: "pkce", ...interactive };
    case "deviceflow":
      return { kind: "device", ...interactive };
    case "clientsecret":
    case "client_credentials":
      return {
        kind: "client_secret",
        clientId: clientId ?? throwMissing("admin.clientId", type),
        scopes,
        readSecret: () => readSecret(settings, { env, cwd }),
      };
    case "externalcommand":
    case "external_process": {
      const command = settings.words("admin.command");
      return { kind: "command", command: command.length > 0 ? command : throwMissing("admin.command", type) };
    }
    case "passthrough":
      return {
        kind: "passthrough",
        headersFile: resolve(
          cwd,
          env.PORTHOLE_HEADERS_FILE || throwMissing("PORTHOLE_HEADERS_FILE (a 0600 file of lines Name: value)", type),
        ),
      };
  }
  throw new AppError("config_invalid", `Cannot log in with authType ${JSON.stringify(type)}`, {
    hint: "Use Pkce, ClientSecret, ExternalCommand, DeviceFlow or Passthrough",
  });
}

async function readSecret(settings: Settings, { env, cwd }: { env: Environment; cwd: string }): Promise<string> {
  const variable = settings.text("admin.clientSecretEnvVar");
  if (variable !== undefined) {
    const secret = env[variable];
    if (secret) return secret;
    throw new AppError("config_invalid", `Cannot find the client secret: the variable ${variable} is not set`, {
      hint: `Set ${variable}, or name a file with the secret as admin.clientSecretLocation`,
    });
  }
  const location = settings.text("admin.clientSecretLocation") ??
    throwMissing("admin.clientSecretLocation or admin.clientSecretEnvVar", "ClientSecret");
  const path = expandHome(location, { env, cwd });
  return await Deno.readTextFile(path).then((text) => text.trim(), (error: unknown) => {
    throw new AppError("not_found", `Cannot read the client secret from ${JSON.stringify(path)}`, {
      hint: "Put the secret there, or name another file as admin.clientSecretLocation",
      cause: error,
    });
  });
}

function assertHarmless(settings: Settings, { path }: ConfigLocation): void {
  const found = TRUSTED_KEYS.filter((key) => settings.isInFile(`admin.${key}`));
  if (found.length === 0) return;
  throw new AppError(
    "config_invalid",
    `Cannot take admin.${found[0]} from ${
      JSON.stringify(path)
    }: a file of the project may not name commands or secrets`,
    { hint: `If you trust it: --config ${path}` },
  );
}

function throwNoEndpoint(location: ConfigLocation | undefined): never {
  const looked = location ? `no admin.endpoint in ${JSON.stringify(location.path)}` : "no configuration file found";
  throw new AppError("config_invalid", `Cannot find the Union or Flyte endpoint: ${looked}`, {
    hint: "Set FLYTE_ADMIN_ENDPOINT or FLYTE_API_KEY, or name a file with --config FILE",
  });
}

function throwMissing(key: string, authType: string): never {
  throw new AppError("config_invalid", `Cannot log in with authType ${authType}: it needs ${key}`, {
    hint: "Set it in the configuration or the environment, or log in as yourself with authType: Pkce",
  });
}

/** `demo` of `demo.hosted.unionai.cloud`, and by the same rule of the platform's own tools `10` of `10.0.0.1`. */
function defaultOrg(endpoint: string): string {
  const labels = endpointHost(endpoint).split(".");
  return labels.length > 2 ? labels[0] ?? "" : "";
}

function expandHome(path: string, { env, cwd }: { env: Environment; cwd: string }): string {
  return path === "~" || path.startsWith("~/") ? join(homeFolder(env), path.slice(1)) : resolve(cwd, path);
}

/** Values by their dotted key: `FLYTE_ADMIN_AUTHTYPE`, also written `FLYTE_ADMIN_AUTH_TYPE`, before `admin: { authType }`. */
class Settings {
  constructor(private readonly file: Message, private readonly env: Environment) {}

  text(key: string): string | undefined {
    const value = this.read(key);
    return typeof value === "string" || typeof value === "number" ? String(value) || undefined : undefined;
  }

  flag(key: string): boolean {
    const value = this.read(key);
    return value === true || (typeof value === "string" && ["1", "true", "yes"].includes(value.toLowerCase()));
  }

  /** A list, as YAML writes it or as words with spaces between them. */
  words(key: string): readonly string[] {
    const value = this.read(key);
    if (Array.isArray(value)) return value.map(String);
    return typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : [];
  }

  isInFile(key: string): boolean {
    return this.readFile(key) !== undefined;
  }

  private read(key: string): unknown {
    const name = `FLYTE_${key.replace(".", "_")}`;
    const parted = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_");
    return this.env[name.toUpperCase()] || this.env[parted.toUpperCase()] || this.readFile(key);
  }

  private readFile(key: string): unknown {
    const [section = "", name = ""] = key.split(".");
    return asMessage(this.file[section])[name] ?? undefined;
  }
}
