import assert from "node:assert/strict";
import { controlPath } from "../../../../src/ssh/config/control_path.ts";
import { type HostBlock, renderHostBlock } from "../../../../src/ssh/config/host_block.ts";

const HOST: HostBlock = {
  alias: "demo",
  user: "root",
  identityFile: "/home/me/.porthole/id_ed25519",
  proxyCommand: ["/usr/bin/porthole", "proxy"],
  hostKeyAlias: "local-demo-0",
  userKnownHostsFile: "/home/me/.porthole/known_hosts",
  strictHostKeyChecking: "yes",
  controlPath: "/home/me/.porthole/cm/%C",
};

Deno.test("renderHostBlock writes every field that reaching a run needs", () => {
  assert.equal(
    renderHostBlock(HOST, { os: "linux" }),
    `Host demo
    HostName demo
    User root
    IdentityFile /home/me/.porthole/id_ed25519
    IdentitiesOnly yes
    ProxyCommand "/usr/bin/porthole" proxy %h
    HostKeyAlias local-demo-0
    UserKnownHostsFile /home/me/.porthole/known_hosts
    StrictHostKeyChecking yes
    ServerAliveInterval 20
    ServerAliveCountMax 3
    ControlMaster auto
    ControlPath /home/me/.porthole/cm/%C
    ControlPersist 60s
`,
  );
});

Deno.test("renderHostBlock gives a plain TCP host its address and port, and no ProxyCommand", () => {
  const { proxyCommand: _, controlPath: _path, ...rest } = HOST;
  const block = renderHostBlock({ ...rest, hostName: "203.0.113.5", port: 2222 }, { os: "linux" });
  assert.match(block, /\n {4}HostName 203\.0\.113\.5\n {4}Port 2222\n/);
  assert.doesNotMatch(block, /ProxyCommand/);
  assert.match(block, /\n {4}ControlMaster no\n {4}ControlPath none\n$/);
});

Deno.test("renderHostBlock writes paths of Windows with forward slashes and the program in double quotes", () => {
  const block = renderHostBlock({
    ...HOST,
    identityFile: "C:\\Users\\J. Doe\\id",
    proxyCommand: ["C:\\Program Files\\100%\\porthole.exe", "proxy"],
  }, { os: "windows" });
  assert.match(block, /\n {4}IdentityFile "C:\/Users\/J\. Doe\/id"\n/);
  assert.match(block, /\n {4}ProxyCommand "C:\\Program Files\\100%%\\porthole\.exe" proxy %h\n/);
});

for (
  const [title, change] of [
    ["a newline in the user", { user: "a\nProxyCommand evil" }],
    ["a user that begins with a dash", { user: "-oProxyCommand=evil" }],
    ["a percent sign in the user", { user: "a%h" }],
    ["a variable in a path", { identityFile: "/home/${USER}/id" }],
    ["a newline in a path", { userKnownHostsFile: "/a\nb" }],
    ["a pattern for an alias", { alias: "*" }],
    ["two words for an alias", { alias: "a b" }],
    ["a host name with a quote", { hostName: 'a"b' }],
    ["a host key alias with a percent sign", { hostKeyAlias: "a%h" }],
    ["a newline in the command", { proxyCommand: ["/a\nb"] }],
    ["a port past the last", { port: 65536 }],
    ["an empty path", { identityFile: "" }],
  ] as const
) {
  Deno.test(`renderHostBlock rejects ${title}`, () => {
    assert.throws(() => renderHostBlock({ ...HOST, ...change }, { os: "linux" }), { code: "config_invalid" });
  });
}

Deno.test("controlPath takes the first folder in which a socket's path is not too long", () => {
  const long = `/home/${"x".repeat(60)}`;
  const linux = { os: "linux" };
  assert.equal(controlPath({ HOME: "/home/me" }, linux)?.value, "/home/me/.porthole/cm/%C");
  assert.equal(controlPath({ HOME: "/home/100%" }, linux)?.value, "/home/100%%/.porthole/cm/%C");
  assert.equal(controlPath({ HOME: long, XDG_RUNTIME_DIR: "/run/user/1000" }, linux)?.value, "/run/user/1000/%C");
  assert.equal(controlPath({ HOME: long }, linux), undefined);
  assert.equal(controlPath({ HOME: "/home/me" }, { os: "windows" }), undefined);
});
