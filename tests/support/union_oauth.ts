/** Options of {@link OAuthServer}. */
export interface OAuthServerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly headerKey?: string;
  readonly audience?: string;
  readonly tokenLifeSeconds?: number;
  /** Answers to the polls of a device log-in before it succeeds. */
  readonly devicePolls?: readonly ("authorization_pending" | "slow_down" | "access_denied")[];
}

interface Grant {
  readonly challenge: string;
  readonly redirectUri: string;
  readonly clientId: string;
}

/** The public client that people log in with. */
export const PUBLIC_CLIENT_ID = "flytectl";

/**
 * An identity provider that checks what RFC 6749, 7636 and 8628 say must be checked, and refuses whatever else.
 * It belongs to the control plane of the tests; its state is open to look at.
 */
export class OAuthServer {
  /** Secrets of confidential clients, by client id. */
  readonly clients = new Map<string, string>([["robot", "robot secret+/"]]);
  /** Live access tokens and when they end. */
  readonly accessTokens = new Map<string, number>();
  readonly refreshTokens = new Set<string>();
  /** The grant types of all requests that were answered with a token. */
  readonly grants: string[] = [];
  redirectUri = "";
  private readonly codes = new Map<string, Grant>();
  private devicePolls: string[];
  private readonly deviceCodes = new Set<string>();
  private counter = 0;

  constructor(private readonly options: OAuthServerOptions) {
    this.devicePolls = [...(options.devicePolls ?? [])];
  }

  metadata(origin: string): Record<string, unknown> {
    return {
      issuer: origin,
      tokenEndpoint: `${origin}/oauth2/token`,
      authorizationEndpoint: `${origin}/oauth2/authorize`,
      deviceAuthorizationEndpoint: `${origin}/oauth2/device`,
      somethingNew: { from: "a later release" },
    };
  }

  publicClient(): Record<string, unknown> {
    return {
      clientId: PUBLIC_CLIENT_ID,
      redirectUri: this.redirectUri,
      scopes: ["all", "offline"],
      authorizationMetadataKey: this.options.headerKey ?? "authorization",
      audience: this.options.audience ?? "",
    };
  }

  /** Ends every token at once, as a rotation of the signing key does. */
  rotate({ withRefreshTokens = false } = {}): void {
    this.accessTokens.clear();
    if (withRefreshTokens) this.refreshTokens.clear();
  }

  /** True for a token that has not ended. */
  accepts(token: string): boolean {
    return (this.accessTokens.get(token) ?? 0) > this.options.now();
  }

  async handle(request: Request, { path, body }: { path: string; body: string }): Promise<Response> {
    if (path === "/oauth2/authorize" && request.method === "GET") return this.authorize(new URL(request.url));
    if (request.method !== "POST") return new Response("Method not allowed\n", { status: 405 });
    if (request.headers.get("content-type") !== "application/x-www-form-urlencoded") {
      return refuse("invalid_request", "the content type is no form");
    }
    const form = new URLSearchParams(body);
    if (path === "/oauth2/device") return this.startDevice(form, new URL(request.url).origin);
    if (path === "/oauth2/token") return await this.token(form, request.headers.get("authorization"));
    return new Response("Not found\n", { status: 404 });
  }

  private authorize({ searchParams: query }: URL): Response {
    const redirectUri = query.get("redirect_uri") ?? "";
    const isValid = query.get("response_type") === "code" && query.get("client_id") === PUBLIC_CLIENT_ID &&
      redirectUri === this.redirectUri && query.get("code_challenge_method") === "S256" &&
      /^[\w-]{43}$/.test(query.get("code_challenge") ?? "") && (query.get("state") ?? "").length >= 32 &&
      query.get("scope") === "all offline" && (query.get("audience") ?? "") === (this.options.audience ?? "");
    if (!isValid) return refuse("invalid_request", "the authorization request is not as it must be");
    const code = `code-${++this.counter}`;
    this.codes.set(code, { challenge: query.get("code_challenge") ?? "", redirectUri, clientId: PUBLIC_CLIENT_ID });
    const location = new URL(redirectUri);
    location.searchParams.set("code", code);
    location.searchParams.set("state", query.get("state") ?? "");
    return new Response(null, { status: 302, headers: { location: location.href } });
  }

  private startDevice(form: URLSearchParams, origin: string): Response {
    if (form.get("client_id") !== PUBLIC_CLIENT_ID) return refuse("invalid_client");
    const deviceCode = `device-${++this.counter}`;
    this.deviceCodes.add(deviceCode);
    return Response.json({
      device_code: deviceCode,
      user_code: "WXYZ-1234",
      verification_uri: `${origin}/activate`,
      expires_in: 600,
      interval: 5,
    });
  }

  private async token(form: URLSearchParams, authorization: string | null): Promise<Response> {
    const grant = form.get("grant_type") ?? "";
    switch (grant) {
      case "client_credentials":
        return this.clientCredentials(form, authorization);
      case "authorization_code":
        return await this.authorizationCode(form);
      case "refresh_token":
        if (form.get("client_id") !== PUBLIC_CLIENT_ID) return refuse("invalid_client");
        if (!this.refreshTokens.delete(form.get("refresh_token") ?? "")) return refuse("invalid_grant", "not known");
        return this.issue(grant, { withRefresh: true });
      case "urn:ietf:params:oauth:grant-type:device_code":
        return this.device(form, grant);
    }
    return refuse("unsupported_grant_type");
  }

  private clientCredentials(form: URLSearchParams, authorization: string | null): Response {
    const [scheme, encoded = ""] = (authorization ?? "").split(" ");
    const [id = "", secret = ""] = scheme === "Basic" ? atob(encoded).split(":") : [];
    const expected = this.clients.get(id);
    if (expected === undefined || decodeURIComponent(secret.replaceAll("+", " ")) !== expected) {
      return refuse("invalid_client", "client or secret is wrong", 401);
    }
    if ((form.get("audience") ?? "") !== (this.options.audience ?? "")) return refuse("invalid_target");
    return this.issue("client_credentials", { withRefresh: false });
  }

  private async authorizationCode(form: URLSearchParams): Promise<Response> {
    const code = form.get("code") ?? "";
    const grant = this.codes.get(code);
    this.codes.delete(code);
    if (!grant) return refuse("invalid_grant", "the code is not known, or was used");
    const verifier = form.get("code_verifier") ?? "";
    if (!/^[\w.~-]{43,128}$/.test(verifier)) return refuse("invalid_grant", "the verifier has the wrong form");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
    const challenge = digest.toBase64({ alphabet: "base64url", omitPadding: true });
    if (challenge !== grant.challenge) return refuse("invalid_grant", "the verifier does not fit");
    if (form.get("redirect_uri") !== grant.redirectUri || form.get("client_id") !== grant.clientId) {
      return refuse("invalid_grant", "another client or redirect_uri than before");
    }
    return this.issue("authorization_code", { withRefresh: true });
  }

  private device(form: URLSearchParams, grant: string): Response {
    const isKnown = this.deviceCodes.has(form.get("device_code") ?? "");
    if (!isKnown || form.get("client_id") !== PUBLIC_CLIENT_ID) return refuse("invalid_grant");
    const answer = this.devicePolls.shift();
    if (answer !== undefined) return refuse(answer);
    return this.issue(grant, { withRefresh: true });
  }

  /** A token that nobody asked for: for tests that begin with one. */
  issueToken(): { access_token: string; refresh_token: string; expires_in: number } {
    const lifeSeconds = this.options.tokenLifeSeconds ?? 3600;
    const token = `secret-access-${++this.counter}-${crypto.randomUUID()}`;
    const refresh = `secret-refresh-${this.counter}-${crypto.randomUUID()}`;
    this.accessTokens.set(token, this.options.now() + lifeSeconds * 1000);
    this.refreshTokens.add(refresh);
    return { access_token: token, refresh_token: refresh, expires_in: lifeSeconds };
  }

  private issue(grant: string, { withRefresh }: { withRefresh: boolean }): Response {
    this.grants.push(grant);
    const { refresh_token, ...token } = this.issueToken();
    if (!withRefresh) this.refreshTokens.delete(refresh_token);
    return Response.json({ ...token, token_type: "bearer", ...(withRefresh ? { refresh_token } : {}) });
  }
}

function refuse(error: string, description = "", status = 400): Response {
  return Response.json({ error, ...(description ? { error_description: description } : {}) }, { status });
}
