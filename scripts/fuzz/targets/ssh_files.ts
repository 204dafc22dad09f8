import { join } from "node:path";
import { editSections, findSections } from "../../../src/ssh/config/managed_sections.ts";
import { loadSshConfig } from "../../../src/ssh/config/resolve_ssh_config.ts";
import { parseKnownHosts } from "../../../src/ssh/known_hosts/known_hosts_line.ts";
import { KnownHosts } from "../../../src/ssh/known_hosts/lookup_host_key.ts";
import { asText, type FuzzTarget, mustHold, texts } from "../target.ts";

const KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7tNW0zsrBzTtDTYrxWRyx4VE5V3wP9Jd3JKdTvkjeT";
const CONFIG = `Host a b* !c
  HostName %h.example
  Port 22
  User "me"
  IdentityFile ~/.ssh/%r@%h
  ProxyJump u@j1:22,j2
  ProxyCommand nc %h %p
  UserKnownHostsFile a "b c"
Match host x,y user z !localuser q
  ConnectTimeout=5
Host *
  StrictHostKeyChecking accept-new
`;

/** The files of ssh(1), as somebody else may have left them. `folder` is free to be written to. */
export function sshFileTargets(folder: string): readonly FuzzTarget[] {
  const path = join(folder, "config");
  return [
    {
      name: "ssh-config",
      seeds: texts(CONFIG, "Match all\nMatch final\nMatch exec true\nHost=x\n\tPort=1\n", 'Host "a b" \\\n'),
      tokens: texts(
        "Host ",
        "Match ",
        "%",
        "%%",
        '"',
        "=",
        "!",
        "*",
        "?",
        "\\",
        "~",
        "${HOME}",
        "${",
        "\r\n",
        "#",
        "Port 99999",
      ),
      async run(input) {
        await Deno.writeFile(path, input, { mode: 0o600 });
        const { resolve } = await loadSshConfig({ files: [path], env: { HOME: folder, USER: "me" } });
        for (const host of ["a", "b1", "c", "x", "10.0.0.1"]) resolve({ host });
      },
    },
    {
      name: "known-hosts",
      seeds: texts(
        `h,[h]:2222,10.0.0.1 ssh-ed25519 ${KEY} c\n@revoked * ssh-ed25519 ${KEY}\n@cert-authority *.x ssh-ed25519 ${KEY}\n`,
        `|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 ${KEY}\n# x\n`,
      ),
      tokens: texts("|1|", "|", "*", "?", "!", ",", "@revoked ", "[", "]:", "ssh-rsa ", "\n", "****************"),
      async run(input) {
        const hosts = new KnownHosts(parseKnownHosts(asText(input), "known_hosts").entries);
        for (const host of ["h", "x".repeat(60)]) {
          hosts.typesOf({ host, port: 2222 });
          await hosts.lookup({ host, port: 22, blob: Uint8Array.fromBase64(KEY) });
        }
      },
    },
    {
      name: "managed-sections",
      seeds: texts(editSections("Host x\n  Port 1\n", { upsert: [{ name: "a", text: "Host a\n" }] }, "f").text, CONFIG),
      tokens: texts(
        "# >>> porthole a >>>",
        "# <<< porthole a <<<",
        "# >>> porthole",
        "\n",
        "\r\n",
        "\ufeff",
        "(made this file)",
      ),
      run(input) {
        const text = asText(input);
        const found = findSections(text, "f");
        const edited = editSections(text, { upsert: [{ name: "fresh", text: "Host fresh\n" }] }, "f").text;
        const back = editSections(edited, { remove: ["fresh"] }, "f").text;
        // Of our own sections the markers get the file's line ends: in a file of mixed ones, and at its very end.
        const isSame = back === text || (found.length > 0 && toLf(back) === toLf(text));
        mustHold(isSame, `taking out what was put in left ${JSON.stringify(back.slice(0, 200))}`);
      },
    },
  ];
}

function toLf(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/\n$/, "");
}
