import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { programPath, pythonWith } from "./programs.ts";
import { freePort } from "./sshd.ts";

/** True when {@link startPod} and {@link startIngress} have what they need. */
export const HAS_INGRESS = programPath("nginx") !== null && pythonWith("asyncssh") !== null;

/** A process that a test has started, and the port it listens on. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** The pod's side as the platform's SDK has it: see flyte_pod.py. */
export async function startPod(authorizedKeys: string): Promise<Listening> {
  const script = fileURLToPath(new URL("flyte_pod.py", import.meta.url));
  const child = new Deno.Command(pythonWith("asyncssh") ?? "python3", {
    args: ["-W", "ignore", script, authorizedKeys],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.endsWith("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`flyte_pod.py ended with ${(await child.status).code}`);
    line += value;
  }
  const dispose = async () => {
    await end(child);
    // Not before: what it still writes to a closed pipe would be its end.
    await reader.cancel();
  };
  return { port: JSON.parse(line).port, [Symbol.asyncDispose]: dispose };
}

/**
 * nginx as it stands before a hosted deployment: an auth subrequest that ends in a redirect to a log-in page, the path
 * rewritten, 60 s of patience (`idleSeconds`). Everything else goes to the control plane.
 */
export async function startIngress(
  folder: string,
  { podPort, controlPlane, idleSeconds = 60 }: { podPort: number; controlPlane: string; idleSeconds?: number },
): Promise<Listening> {
  const port = freePort();
  const path = join(folder, "nginx.conf");
  await Deno.writeTextFile(path, nginxConf({ folder, port, podPort, controlPlane, idleSeconds }));
  const child = new Deno.Command(programPath("nginx") ?? "nginx", {
    args: ["-c", path, "-p", folder, "-e", join(folder, "error.log")],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilAccepts(port);
  return { port, [Symbol.asyncDispose]: () => end(child) };
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await child.status;
}

function nginxConf(
  { folder, port, podPort, controlPlane, idleSeconds }: {
    folder: string;
    port: number;
    podPort: number;
    controlPlane: string;
    idleSeconds: number;
  },
): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    `${name}_temp_path ${folder}/${name};`
  );
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off; ${temporary.join(" ")}
  map $http_upgrade $connection_upgrade { default upgrade; "" close; }
  server {
    listen 127.0.0.1:${port};
    location = /me { internal; proxy_pass ${controlPlane}/me; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location @login { return 302 https://login.example.com/?redirect_url=$request_uri; }
    location /dataplane/ {
      auth_request /me;
      error_page 401 = @login;
      rewrite ^ /?target_port=6060? break;
      proxy_pass http://127.0.0.1:${podPort};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout ${idleSeconds}s; proxy_send_timeout ${idleSeconds}s;
    }
    location / { proxy_pass ${controlPlane}; proxy_http_version 1.1; }
  }
}
`;
}

async function untilAccepts(port: number): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (tries >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
