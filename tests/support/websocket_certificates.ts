import { join } from "node:path";

/** PEM of a CA made for one test and of what it signed. */
export interface TestCertificates extends AsyncDisposable {
  readonly folder: string;
  /** The CA's certificate: text and path. */
  readonly ca: string;
  readonly caFile: string;
  /** For `jobs.example` and 127.0.0.1. */
  readonly good: { readonly cert: string; readonly key: string };
  /** For another host. */
  readonly otherHost: { readonly cert: string; readonly key: string };
  /** Ended yesterday. */
  readonly expired: { readonly cert: string; readonly key: string };
}

/** Makes a CA and certificates with the `openssl` program. */
export async function makeCertificates(): Promise<TestCertificates> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-tls-" });
  const at = (name: string) => join(folder, name);
  await openssl(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"], {
    rest: ["-subj", "/CN=porthole test CA", "-keyout", at("ca.key"), "-out", at("ca.pem")],
  });
  const sign = async (name: string, altNames: string, days: readonly string[]) => {
    await Deno.writeTextFile(at(`${name}.ext`), `subjectAltName=${altNames}\n`);
    await openssl(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"], {
      rest: ["-subj", `/CN=${name}`, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`)],
    });
    await openssl(["x509", "-req", "-in", at(`${name}.csr`), "-CA", at("ca.pem"), "-CAkey", at("ca.key")], {
      rest: ["-CAcreateserial", "-extfile", at(`${name}.ext`), "-out", at(`${name}.pem`), ...days],
    });
    return { cert: await Deno.readTextFile(at(`${name}.pem`)), key: await Deno.readTextFile(at(`${name}.key`)) };
  };
  return {
    folder,
    ca: await Deno.readTextFile(at("ca.pem")),
    caFile: at("ca.pem"),
    good: await sign("good", "DNS:jobs.example,IP:127.0.0.1", ["-days", "2"]),
    otherHost: await sign("other", "DNS:elsewhere.example", ["-days", "2"]),
    expired: await sign("expired", "DNS:jobs.example,IP:127.0.0.1", ["-days", "-1"]),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function openssl(args: readonly string[], { rest }: { rest: readonly string[] }): Promise<void> {
  const command = new Deno.Command("openssl", {
    args: [...args, ...rest],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
