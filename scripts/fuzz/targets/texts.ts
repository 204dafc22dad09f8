import { parseAuthorizedKeys } from "../../../src/agent/authorized_keys.ts";
import { parseAgentState } from "../../../src/agent/state_file.ts";
import { parseDuration } from "../../../src/base/duration.ts";
import { escapeControls, oneLine } from "../../../src/base/printable.ts";
import { redactText, redactUrl } from "../../../src/base/redact.ts";
import { foldNodeSet } from "../../../src/fleet/fold_node_set.ts";
import { parseHostSpec } from "../../../src/fleet/host_spec.ts";
import { expandNodeSet } from "../../../src/fleet/node_set.ts";
import { parsePrivateKeyFile } from "../../../src/ssh/keys/private_key.ts";
import { parsePublicKey } from "../../../src/ssh/keys/public_key.ts";
import { parseHeaders } from "../../../src/stream/headers_file.ts";
import { parseWebSocketUrl } from "../../../src/stream/websocket_url.ts";
import { parseForwards } from "../../../src/targets/forward_spec.ts";
import { parseTargetRecord } from "../../../src/targets/parse_target.ts";
import { asText, type FuzzTarget, mustHold, texts } from "../target.ts";

const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7tNW0zsrBzTtDTYrxWRyx4VE5V3wP9Jd3JKdTvkjeT me@host";
/** A key that opens nothing, made for this. */
const PRIVATE = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACCe7TVtM7Kwc07Q
02K8VkcseFROVd8D/SXdySnU75I3kwAAAJBZ5s6NWebOjQAAAAtzc2gtZWQyNTUxOQAAACCe7TVtM7Kwc07Q02K8VkcseFRO
Vd8D/SXdySnU75I3kwAAAEAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH57tNW0zsrBzTtDTYrxWRyx4VE5V3wP9
Jd3JKdTvkjeTAAAAB21lQGhvc3QBAgMEBQY=
-----END OPENSSH PRIVATE KEY-----
`;

/** Texts that come from files, from the command line and from the wire, and what reads them. */
export const TEXT_TARGETS: readonly FuzzTarget[] = [
  {
    name: "headers-file",
    seeds: texts("Authorization: Bearer abc\nX-A:  b \r\n# comment\n\nCookie: a=b; c=d\n"),
    tokens: texts(":", "\n", "\r\n", " ", "\0", "é", "#"),
    run: (input) => void parseHeaders(asText(input), "headers"),
  },
  {
    name: "public-key-line",
    seeds: texts(ED25519, "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== x", "ecdsa-sha2-nistp256 AAAAE2VjZHNh c"),
    tokens: texts("ssh-ed25519", "AAAA", "=", " ", "\t", "ssh-rsa"),
    run: (input) => void parsePublicKey(asText(input)),
  },
  {
    name: "private-key-file",
    seeds: texts(
      PRIVATE,
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ),
    tokens: texts("AAAAAA", "/////w", "=", "\n", "-----BEGIN", "bcrypt", "aes256-ctr", "YmNyeXB0"),
    run: async (input) => void await parsePrivateKeyFile(asText(input)),
  },
  {
    name: "authorized-keys",
    seeds: texts(
      `# us\n${ED25519}\nrestrict,pty,command="echo \\"a, b\\"" ${ED25519}\nexpiry-time="20300101" ${ED25519}\n`,
    ),
    tokens: texts('"', '\\"', ",", "command=", "no-pty", "expiry-time=", "from=", " ", "\n", "restrict"),
    run(input) {
      const { keys, refused } = parseAuthorizedKeys(asText(input), "keys");
      mustHold(keys.length + refused.length <= asText(input).split("\n").length, "more keys than lines");
    },
  },
  {
    name: "node-set",
    seeds: texts("web[1-20,30],db[01-09/2]-eu!web3", "a[1-3]b[4-6]", "@group,host,host2", "n[0-9]x[0-9]y[0-9]z[0-9]"),
    tokens: texts("[", "]", "-", ",", "!", "[1-999999999]", "[0-9]", "99999999999999999999", "^", "&", "/", "@"),
    run(input) {
      const names = expandNodeSet(asText(input).slice(0, 2000));
      const folded = foldNodeSet(names);
      const again = expandNodeSet(folded);
      mustHold(new Set(again).size === new Set(names).size, `folded to ${JSON.stringify(folded.slice(0, 200))}`);
    },
  },
  {
    name: "host-spec",
    seeds: texts("user@host:22", "[::1]:2222", "u@[fe80::1%eth0]", "ssh://u@h:1/"),
    tokens: texts("@", ":", "[", "]", "%", "-", "$(", "::"),
    run: (input) => void parseHostSpec(asText(input)),
  },
  {
    name: "target-record",
    seeds: texts(JSON.stringify({
      version: 1,
      alias: "a",
      provider: "local",
      runName: "r",
      actionName: "a0",
      attempt: 1,
      route: { kind: "websocket", url: "wss://x/y" },
      user: "u",
      identityFile: "/k",
      hostKeyAlias: "porthole-r",
      hostKeyCheck: "yes",
      createdAt: "2026-01-01T00:00:00Z",
      credential: { provider: "union" },
    })),
    tokens: texts('"', "{", "}", "[]", "null", "1e999", "-1", "__proto__", "true", "\\u0000"),
    run: (input) => void parseTargetRecord(asText(input), "record"),
  },
  {
    name: "agent-state",
    seeds: texts('{"state":"ready","pid":1,"port":6060}', '{"state":"ended","exitStatus":3,"pid":1,"port":6060}'),
    tokens: texts("null", "-1", "1e9", "{}", '"'),
    run: (input) => void parseAgentState(asText(input), "state"),
  },
  {
    name: "small-words",
    seeds: texts("1h30m", "wss://a.b/c?token=x", "8080:80,jupyter", "Bearer abc.def", "eyJhbGciOi.eyJ.sig"),
    tokens: texts(
      "h",
      "ms",
      "999999999",
      "//",
      "@",
      ":",
      "-----BEGIN A PRIVATE KEY-----",
      "eyJ",
      "\u001b[2J",
      "Basic ",
    ),
    run(input) {
      const text = asText(input);
      redactText(text);
      redactUrl(text.slice(0, 4000));
      // deno-lint-ignore no-control-regex
      mustHold(!/[\x00-\x08\x1b\x7f]/.test(escapeControls(text) + oneLine(text)), "a control character came through");
      for (const parse of [parseDuration, parseWebSocketUrl, (each: string) => parseForwards([each])]) {
        ignoreAppErrors(() => parse(text));
      }
    },
  },
];

function ignoreAppErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "AppError") throw error;
  }
}
