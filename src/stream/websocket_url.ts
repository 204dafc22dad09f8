import { AppError } from "../base/errors.ts";

/**
 * A `ws:` or `wss:` URL.
 *
 * @throws AppError `usage` for anything else, and for one with a user name or password: they would end up in process lists.
 */
export function parseWebSocketUrl(text: string | URL): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new AppError("usage", "Cannot parse the URL: it must look like wss://HOST/PATH", {
      hint: "Write it with its scheme, as wss://jobs.example/run",
    });
  }
  if (url.protocol !== "wss:" && url.protocol !== "ws:") {
    throw new AppError(
      "usage",
      `Cannot dial a URL with the scheme ${JSON.stringify(url.protocol)}: it must be wss: or ws:`,
      {
        hint: url.protocol === "https:" ? "Write wss: in place of https:" : "Write it as wss://HOST/PATH",
      },
    );
  }
  if (url.username || url.password) {
    throw new AppError(
      "usage",
      "Cannot dial a URL with a user name or password in it: every process on the machine could see it",
      {
        hint: "Put a line `Authorization: Basic ...` into a file of mode 0600 and give it with --headers-file",
      },
    );
  }
  url.hash = "";
  return url;
}
