// Wires the process: arguments, signals, exit status. `proxy` goes its own way before anything else is loaded, since an
// editor starts it over and over and ssh counts its start-up as connection time.
const [command, ...rest] = Deno.args;
const env = Deno.env.toObject();

if (command === "proxy" && !rest.includes("--help") && !rest.includes("-h")) {
  const { proxyMain } = await import("./src/proxy/run_from_args.ts");
  const { loadProxyTarget } = await import("./src/providers/load_proxy_target.ts");
  Deno.exit(await proxyMain(rest, { env, loadTarget: (alias) => loadProxyTarget(env, alias) }));
}

const { runProcess } = await import("./src/cli/run_process.ts");
Deno.exit(await runProcess(Deno.args, { env, mainModule: import.meta.filename }));
