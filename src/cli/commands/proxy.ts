import { parseDestination, parseHeaderOption, PROXY_FLAGS } from "../../proxy/parse_proxy_args.ts";
import { runParsedProxy } from "../../proxy/run_from_args.ts";
import { loadProxyTarget } from "../../providers/load_proxy_target.ts";
import { defineCommand } from "../command.ts";

/**
 * `porthole proxy`: the ProxyCommand. `main.ts` runs it without this file, which would load the command line's whole
 * machinery; here it is for the help, for completions and for callers of the command table.
 */
export const proxy = defineCommand({
  name: "proxy",
  summary: "Carry SSH between stdin and stdout and a job: for ProxyCommand",
  flags: PROXY_FLAGS,
  positionals: [{ name: "URL|ALIAS", summary: "A ws:// or wss:// URL, or the alias of a target" }],
  examples: [
    "ssh -o ProxyCommand='porthole proxy %h' train",
    "porthole proxy --headers-file ~/.flyte/ssh-debug/headers wss://jobs.example/run",
  ],
  // deno-lint-ignore require-yield -- stdout belongs to SSH: nothing may be yielded.
  async *run({ flags, positionals }, { env, signal, notice }): AsyncGenerator<never, void> {
    await runParsedProxy({
      destination: parseDestination(positionals),
      headers: flags.header.map(parseHeaderOption),
      waitMs: flags.wait,
      resumeForMs: flags["no-resume"] ? 0 : flags["resume-for"],
      ...(flags["max-connection-age"] === undefined ? {} : { maxConnectionAgeMs: flags["max-connection-age"] }),
      ...(flags["headers-file"] === undefined ? {} : { headersFile: flags["headers-file"] }),
      ...(flags["ca-file"] === undefined ? {} : { caFile: flags["ca-file"] }),
    }, { env, signal, printError: notice, loadTarget: (alias) => loadProxyTarget(env, alias) });
  },
  format: () => "",
});
