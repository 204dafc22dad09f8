import { readHeadersFile } from "../../../stream/headers_file.ts";
import type { UnionConfig } from "../config.ts";
import type { RequestAuth } from "../connect_rpc.ts";
import { bearerHeaders, bearerOf } from "./bearer.ts";
import { loginWithCommand } from "./flows.ts";
import { isFresh, type Token } from "./token.ts";
import type { TokenSource } from "./token_source.ts";

/** What puts the configuration's credentials on a call or a dial; undefined where none are used. */
export function createRequestAuth(
  { auth, proxyCommand }: UnionConfig,
  { tokens, now }: { readonly tokens: TokenSource | undefined; readonly now: () => number },
): RequestAuth | undefined {
  if (auth.kind === "none" && !proxyCommand) return undefined;
  const proxyHeaders = createProxyAuth(proxyCommand, now);
  return {
    async headers({ signal, refused }) {
      if (auth.kind === "passthrough") {
        const own = (await readHeadersFile(auth.headersFile)).map(([name, value]) => [name.toLowerCase(), value]);
        return { ...Object.fromEntries(own), ...await proxyHeaders({ signal, refused }) };
      }
      const token = await tokens?.get({ signal, refused: refused && bearerOf(refused) });
      return { ...(token ? bearerHeaders(token) : {}), ...await proxyHeaders({ signal, refused }) };
    },
  };
}

/** `proxy-authorization` out of a command, which is run anew when what it gave has ended or was refused. */
function createProxyAuth(command: readonly string[] | undefined, now: () => number): RequestAuth["headers"] {
  let token: Token | undefined;
  return async ({ signal, refused }): Promise<Readonly<Record<string, string>>> => {
    if (!command) return {};
    if (!token || refused || !isFresh(token, now())) token = await loginWithCommand(command, { now, signal });
    return { "proxy-authorization": `Bearer ${token.accessToken}` };
  };
}
