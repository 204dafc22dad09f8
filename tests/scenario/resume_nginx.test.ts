import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/agent_stage.ts";
import { hasProgram, programPath } from "../support/programs.ts";
import { makeResumeStage } from "../support/resume_stage.ts";
import { freePort } from "../support/sshd.ts";

const ignore = !hasProgram("ssh") || !hasProgram("nginx") || Deno.build.os !== "linux";

/** A real nginx before an agent, on a port that stays the same when it is killed and started again. */
class Nginx implements AsyncDisposable {
  #child: Deno.ChildProcess | undefined;

  constructor(readonly folder: string, readonly port: number) {}

  static async start(folder: string, agentPort: number): Promise<Nginx> {
    const port = freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${folder}/${name};`
    );
    const conf = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off; ${temporary.join(" ")}
  server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass http://127.0.0.1:${agentPort};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 60s; proxy_send_timeout 60s;
    }
  }
}
`;
    await Deno.writeTextFile(join(folder, "nginx.conf"), conf);
    const nginx = new Nginx(folder, port);
    await nginx.start();
    return nginx;
  }

  async start(): Promise<void> {
    this.#child = new Deno.Command(programPath("nginx") ?? "nginx", {
      args: ["-c", join(this.folder, "nginx.conf"), "-p", this.folder, "-e", join(this.folder, "error.log")],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await eventually("nginx listens", async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return true;
      } catch {
        return false;
      }
    });
  }

  async kill(signal: Deno.Signal): Promise<void> {
    this.#child?.kill(signal);
    await this.#child?.status;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child) await this.kill("SIGKILL");
  }
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(
    { name: `a session outlives an nginx that got ${signal} and was started again (needs ssh, nginx)`, ignore },
    async () => {
      await using resume = await makeResumeStage();
      await using nginx = await Nginx.start(resume.stage.folder, resume.stage.port);
      await using ssh = resume.ssh("cat", { port: nginx.port });
      await ssh.write("before\n");
      await ssh.readUntil("before\n");
      await nginx.kill(signal);
      await ssh.write("while it was down\n");
      await eventually("the agent holds it", () => resume.stage.agent.heldCount === 1);
      await nginx.start();
      await ssh.readUntil("while it was down\n");
      const piece = crypto.getRandomValues(new Uint8Array(65_536));
      await ssh.write(piece);
      assert.deepEqual(await ssh.readBytes(piece.length), piece);
      await ssh.end();
      assert.deepEqual(await ssh.status(), { code: 0, stderr: "" });
    },
  );
}

Deno.test(
  { name: "a session is given back to the identity alone that the ingress tells (needs ssh, nginx)", ignore },
  async () => {
    await using resume = await makeResumeStage({ identityHeaders: ["X-Auth-Request-User"] });
    const headers = join(resume.stage.folder, "headers");
    const logIn = (user: string) => Deno.writeTextFile(headers, `X-Auth-Request-User: ${user}\n`, { mode: 0o600 });
    await logIn("ann");
    await using nginx = await Nginx.start(resume.stage.folder, resume.stage.port);
    await using ssh = resume.ssh("cat", { port: nginx.port, proxyFlags: ["--headers-file", headers] });
    await ssh.write("first\n");
    await ssh.readUntil("first\n");
    await nginx.kill("SIGKILL");
    await nginx.start();
    await ssh.write("as ann\n");
    await ssh.readUntil("as ann\n");
    await logIn("bob");
    await nginx.kill("SIGKILL");
    await nginx.start();
    const { code, stderr } = await ssh.status();
    assert.equal(code, 255);
    assert.match(stderr, /^porthole: The agent does not give the session back: it was opened with another identity\./);
  },
);
