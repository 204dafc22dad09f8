import assert from "node:assert/strict";
import { join } from "node:path";
import type { AppError } from "../../src/base/errors.ts";
import { loadUnionConfig } from "../../src/providers/union/config.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

async function write(home: TempHome, path: string, text: string): Promise<string> {
  const whole = join(home.path, path);
  await Deno.mkdir(join(whole, ".."), { recursive: true });
  await Deno.writeTextFile(whole, text);
  return whole;
}

const admin = (host: string) => `admin:\n  endpoint: dns:///${host}\n`;

Deno.test("the configuration is looked for in the order of the platform's own tools", async () => {
  await using home = await makeTempHome();
  const cwd = join(home.path, "repo", "sub");
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.mkdir(join(home.path, "repo", ".git"));
  const places: [string, string, Record<string, string>][] = [
    [".flyte/config.yaml", "home-flyte.example.com", {}],
    [".union/config.yaml", "home-union.example.com", {}],
    ["fctl.yaml", "flytectl.example.com", { FLYTECTL_CONFIG: join(home.path, "fctl.yaml") }],
    ["uctl.yaml", "uctl.example.com", { UCTL_CONFIG: join(home.path, "uctl.yaml") }],
    ["repo/.flyte/config.yaml", "git-root.example.com", {}],
    ["repo/sub/.flyte/config.yaml", "dot-flyte.example.com", {}],
    ["repo/sub/config.yaml", "here.example.com", {}],
  ];
  let env: Record<string, string> = { HOME: home.path };
  for (const [path, host, more] of places) {
    const written = await write(home, path, admin(host));
    env = { ...env, ...more };
    const config = await loadUnionConfig({ env, cwd });
    assert.equal(config.endpoint, `https://${host}`);
    assert.equal(config.path, written);
  }
  const named = await write(home, "mine.yaml", admin("named.example.com:8443"));
  assert.equal((await loadUnionConfig({ env, cwd, configFile: named })).endpoint, "https://named.example.com:8443");
});

Deno.test("FLYTE_ variables win over the file, options over both", async () => {
  await using home = await makeTempHome();
  await write(home, ".flyte/config.yaml", `${admin("file.example.com")}task:\n  project: p1\n  domain: d1\n`);
  const env = { HOME: home.path, FLYTE_ADMIN_ENDPOINT: "env.example.com", FLYTE_TASK_PROJECT: "p2" };
  const config = await loadUnionConfig({ env, cwd: "/", domain: "d3" });
  assert.deepEqual(
    [config.endpoint, config.project, config.domain, config.org],
    ["https://env.example.com", "p2", "d3", "env"],
  );
});

Deno.test("a variable's words may be parted by underscores", async () => {
  const env = {
    FLYTE_ADMIN_ENDPOINT: "h.example.com",
    FLYTE_ADMIN_AUTH_TYPE: "DeviceFlow",
    FLYTE_ADMIN_CLIENTID: "me",
  };
  const { auth } = await loadUnionConfig({ env, cwd: "/", search: false });
  assert.deepEqual(auth, { kind: "device", scopes: [], clientId: "me" });
});

Deno.test("the organization is the first label of a host with more than two", async () => {
  const org = async (endpoint: string) => (await loadUnionConfig({ env: {}, cwd: "/", search: false, endpoint })).org;
  assert.equal(await org("dns:///demo.hosted.unionai.cloud"), "demo");
  assert.equal(await org("example.com"), "");
  assert.equal(await org("https://10.0.0.1:30080"), "10", "as the platform's own tools have it");
});

Deno.test("a file of the project may choose a place, but no command and no secret", async () => {
  await using home = await makeTempHome();
  const cwd = join(home.path, "repo");
  const env = { HOME: home.path, AWS_SECRET_ACCESS_KEY: "sekrit" };
  await write(home, "repo/config.yaml", admin("ok.example.com"));
  assert.equal((await loadUnionConfig({ env, cwd })).endpoint, "https://ok.example.com");
  const evil = [
    "  authType: ExternalCommand\n  command: [touch, /tmp/x]\n",
    "  proxyCommand: [touch, /tmp/x]\n",
    "  authType: ClientSecret\n  clientId: x\n  clientSecretEnvVar: AWS_SECRET_ACCESS_KEY\n",
    "  authType: ClientSecret\n  clientId: x\n  clientSecretLocation: ~/.ssh/id_ed25519\n",
  ];
  for (const lines of evil) {
    const path = await write(home, "repo/config.yaml", admin("evil.example.com") + lines);
    const error = await failureOf(loadUnionConfig({ env, cwd }));
    assert.equal(error.code, "config_invalid");
    assert.equal(error.hint, `If you trust it: --config ${path}`);
    await loadUnionConfig({ env, cwd, configFile: path });
  }
});

Deno.test("each log-in type of the configuration is understood, and what it lacks is named", async () => {
  const load = (env: Record<string, string>) =>
    loadUnionConfig({ env: { FLYTE_ADMIN_ENDPOINT: "a.example.com", ...env }, cwd: "/", search: false });
  assert.equal((await load({})).auth.kind, "pkce");
  assert.equal((await load({ FLYTE_ADMIN_AUTHTYPE: "DeviceFlow" })).auth.kind, "device");
  assert.equal((await load({ FLYTE_ADMIN_INSECURE: "true" })).auth.kind, "none");
  const missing = {
    ClientSecret: "admin.clientId",
    ExternalCommand: "admin.command",
    Passthrough: "PORTHOLE_HEADERS_FILE",
  };
  for (const [type, key] of Object.entries(missing)) {
    const error = await failureOf(load({ FLYTE_ADMIN_AUTHTYPE: type }));
    assert.ok(error.message.startsWith(`Cannot log in with authType ${type}: it needs ${key}`), error.message);
  }
  assert.match((await failureOf(load({ FLYTE_ADMIN_AUTHTYPE: "Magic" }))).message, /authType "Magic"/);
});

Deno.test("no configuration at all is told with what to set", async () => {
  await using home = await makeTempHome();
  const error = await failureOf(loadUnionConfig({ env: { HOME: home.path }, cwd: home.path }));
  assert.equal(error.message, "Cannot find the Union or Flyte endpoint: no configuration file found");
  assert.match(error.hint ?? "", /FLYTE_ADMIN_ENDPOINT or FLYTE_API_KEY/);
});

Deno.test("a damaged or missing configuration file is named", async () => {
  await using home = await makeTempHome();
  const env = { HOME: home.path };
  const path = await write(home, "bad.yaml", "admin: [unclosed\n");
  assert.match((await failureOf(loadUnionConfig({ env, cwd: "/", configFile: path }))).message, /bad\.yaml/);
  const list = await write(home, "list.yaml", "- a\n");
  assert.match((await failureOf(loadUnionConfig({ env, cwd: "/", configFile: list }))).message, /no mapping in it$/);
  const gone = await failureOf(loadUnionConfig({ env, cwd: home.path, configFile: "gone.yaml" }));
  assert.equal(gone.code, "not_found");
});

Deno.test("a config.yaml of another tool does not hide the user's own configuration", async () => {
  await using home = await makeTempHome();
  await write(home, ".flyte/config.yaml", admin("mine.example.com"));
  await write(home, "repo/config.yaml", "model:\n  layers: 3\n");
  const config = await loadUnionConfig({ env: { HOME: home.path }, cwd: join(home.path, "repo") });
  assert.equal(config.endpoint, "https://mine.example.com");
});
