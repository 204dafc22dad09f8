import { join } from "node:path";
import { AppError } from "../../../base/errors.ts";
import type { Environment } from "../../../base/home.ts";
import { shellQuote } from "../../../base/shell_quote.ts";
import type { UnionConfig } from "../config.ts";
import { endpointHost } from "../endpoint.ts";
import { credentialHeaderNames } from "../guesses.ts";
import type { Http } from "../http.ts";
import { openBrowser } from "./browser.ts";
import { loginWithDevice } from "./device.ts";
import { type AuthMetadata, discoverAuth } from "./discovery.ts";
import { loginWithClientSecret, loginWithCommand, refreshToken } from "./flows.ts";
import { loginWithPkce } from "./pkce.ts";
import type { Token } from "./token.ts";
import type { TokenMint } from "./token_source.ts";

/** How a person is reached during a log-in. */
export interface Interaction {
  /** Shows a line at once. */
  readonly notice: (line: string) => void;
  /** True where nobody sees those lines (`--json`): only a browser that opens by itself can then be used. */
  readonly isSilent?: boolean | undefined;
  /** True to log in by device code, whatever the configuration says: there is no browser on this machine. */
  readonly device?: boolean;
  /** False to show the address only. */
  readonly browser?: boolean;
}

/** What {@link createTokenMint} works with. */
export interface MintDeps {
  readonly http: Http;
  readonly now: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly env: Environment;
  readonly interaction: Interaction | undefined;
}

interface LoginContext extends MintDeps {
  readonly metadata: AuthMetadata;
  readonly signal?: AbortSignal | undefined;
}

type Signal = { readonly signal?: AbortSignal | undefined };

/** The maker of tokens for a configuration; what the deployment tells of itself is asked once. */
export function createTokenMint(config: UnionConfig, deps: MintDeps): TokenMint {
  let known: AuthMetadata | undefined;
  const discover = async ({ signal }: Signal) =>
    known ??= await discoverAuth({ endpoint: config.endpoint, http: deps.http, signal, sleep: deps.sleep });
  return {
    async login({ signal }) {
      const { auth } = config;
      if (auth.kind === "command") return await loginWithCommand(auth.command, { now: deps.now, signal });
      if (isInteractive(config) && !deps.interaction) throw loginNeeded(config, deps.env);
      return await loginByOAuth(config, { ...deps, metadata: await discover({ signal }), signal });
    },
    async refresh(token, { signal }) {
      if (!isInteractive(config)) return null;
      const metadata = await discover({ signal });
      const { clientId } = publicClient(config, metadata);
      return await refreshToken({ metadata, clientId, refreshToken: token }, { ...deps, signal });
    },
    async headerNames({ signal }) {
      const metadata = await discover({ signal }).catch((error: unknown) => {
        // A command needs no identity provider, and a deployment that has none tells of none.
        if (config.auth.kind === "command" && error instanceof AppError && error.code === "provider_failed") return;
        throw error;
      });
      return credentialHeaderNames(metadata?.headerKey ?? "");
    },
  };
}

function isInteractive({ auth }: UnionConfig): boolean {
  return auth.kind === "pkce" || auth.kind === "device";
}

async function loginByOAuth(config: UnionConfig, context: LoginContext): Promise<Token> {
  const { metadata, interaction } = context;
  const { auth } = config;
  if (auth.kind === "client_secret") {
    const scopes = auth.scopes.length > 0 ? auth.scopes : metadata.scopes;
    const clientSecret = await auth.readSecret();
    return await loginWithClientSecret({ metadata, clientId: auth.clientId, clientSecret, scopes }, context);
  }
  const client = publicClient(config, metadata);
  const notice = interaction?.notice ?? (() => {});
  if (auth.kind === "device" || interaction?.device) {
    if (interaction?.isSilent) throw nowhereToShow();
    return await loginWithDevice({ metadata, ...client, notice, sleep: context.sleep }, context);
  }
  const open = async (url: string) => {
    const isOpen = interaction?.browser !== false && await openBrowser(url, { env: context.env });
    if (!isOpen && interaction?.isSilent) throw nowhereToShow();
    return isOpen;
  };
  return await loginWithPkce({ metadata, ...client, notice, openBrowser: open }, context);
}

/** The error of a process that would have to ask a person and may not. */
function loginNeeded({ endpoint, path }: UnionConfig, env: Environment): AppError {
  const host = endpointHost(endpoint);
  const home = env.HOME || env.USERPROFILE || "/";
  // Another file than these is not found from every folder.
  const isFound = path === undefined || [".union", ".flyte"].some((name) => path === join(home, name, "config.yaml"));
  return new AppError("auth_denied", `Not logged in to ${JSON.stringify(host)}, or the log-in has ended`, {
    hint: isFound ? "porthole auth login" : `porthole auth login --config ${shellQuote(path)}`,
    details: { host },
  });
}

function nowhereToShow(): AppError {
  return new AppError("auth_denied", "Cannot log in here: no browser opened, and with --json no address can be shown", {
    hint: "porthole auth login, without --json",
  });
}

function publicClient({ auth }: UnionConfig, metadata: AuthMetadata) {
  const configured = auth.kind === "pkce" || auth.kind === "device" ? auth : { scopes: [] };
  return {
    clientId: ("clientId" in configured ? configured.clientId : undefined) ?? metadata.clientId,
    scopes: configured.scopes.length > 0 ? configured.scopes : metadata.scopes,
  };
}
