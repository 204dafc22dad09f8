import { AppError } from "../../base/errors.ts";
import type { ApiClient } from "./api_client.ts";
import { tryUrl } from "./host.ts";
import { type EventPage, type Execution, parseEvents, parseExecution, parsePage } from "./wire.ts";

/** How many events are asked for when nothing says how many there are. */
const STATUS_EVENTS = 100;
const EVENTS = 5_000;
/** The most events asked for at once, however many an execution has. */
const MAX_EVENTS = 100_000;
/** Pages of a list that are followed: a list that never ends must not keep us for ever. */
const MAX_PAGES = 1_000;
/** A Valohai id is a UUID; anything else may be a project's name. */
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** What calls take besides what they ask for. */
export interface ApiCall {
  readonly signal?: AbortSignal | undefined;
}

/** One execution by its counter in a project, or the `latest`. */
export async function getExecution(
  client: ApiClient,
  { projectId, counter, signal }: ApiCall & { readonly projectId: string; readonly counter: number | "latest" },
): Promise<Execution> {
  const name = counter === "latest" ? "the latest execution" : `execution #${counter}`;
  const path = `/api/v0/executions/${encodeURIComponent(projectId)}:${counter}/?exclude=metadata,events`;
  return parseExecution(await client.get(path, { purpose: `find ${name}`, signal }));
}

/** What the platform says of an execution: its phases, and where its SSH server is. */
export async function getStatusEvents(
  client: ApiClient,
  { execution, signal }: ApiCall & { readonly execution: Execution },
): Promise<EventPage> {
  const ask = async (limit: number) =>
    parseEvents(
      await client.get(`${execution.url}status-events/?limit=${limit}`, {
        purpose: `read the status events of execution #${execution.counter}`,
        signal,
      }),
      "status_events",
    );
  const page = await ask(STATUS_EVENTS);
  return page.total > page.events.length ? await ask(Math.min(page.total, MAX_EVENTS)) : page;
}

/** The log of an execution from its beginning. */
export async function getEvents(
  client: ApiClient,
  { execution, signal }: ApiCall & { readonly execution: Execution },
): Promise<EventPage> {
  const ask = async (limit: number) =>
    parseEvents(
      await client.get(`${execution.url}events/?limit=${limit}`, {
        purpose: `read the log of execution #${execution.counter}`,
        signal,
      }),
      "events",
    );
  const page = await ask(EVENTS);
  return page.total > page.events.length ? await ask(Math.min(page.total, MAX_EVENTS)) : page;
}

/** The executions of a project, newest first, page after page. */
export async function* listExecutions(
  client: ApiClient,
  { projectId, signal }: ApiCall & { readonly projectId: string },
): AsyncIterable<Execution> {
  const query = new URLSearchParams({ project: projectId, limit: "100", ordering: "-counter", deleted: "false" });
  for await (const each of follow(client, `/api/v0/executions/?${query}`, { things: "executions", signal })) {
    yield parseExecution(each);
  }
}

/** The identifier of a project's newest commit that was fetched from its repository. @throws AppError `not_found`. */
export async function newestCommit(
  client: ApiClient,
  { projectId, signal }: ApiCall & { readonly projectId: string },
): Promise<string> {
  const path = `/api/v0/commits/?${new URLSearchParams({ project: projectId })}`;
  for await (const commit of follow(client, path, { things: "the project's commits", signal })) {
    if (commit.adhoc !== true && typeof commit.identifier === "string") return commit.identifier;
  }
  throw new AppError("not_found", "Cannot find a commit to run: Valohai has none of this project", {
    hint: "Push, then vh project fetch; or name one with --commit",
  });
}

/** The id of the project that `text` names: an id as it is, a name looked up. @throws AppError `not_found`. */
export async function findProject(
  client: ApiClient,
  { text, signal }: ApiCall & { readonly text: string },
): Promise<string> {
  if (UUID.test(text)) return text;
  const wanted = text.toLowerCase();
  const names: string[] = [];
  for await (const { id, name } of follow(client, "/api/v0/projects/", { things: "projects", signal })) {
    if (String(id).toLowerCase() === wanted || String(name).toLowerCase() === wanted) return String(id);
    names.push(String(name));
  }
  throw new AppError("not_found", `Cannot find a Valohai project named ${JSON.stringify(text)}`, {
    hint: names.length
      ? `There are: ${names.slice(0, 10).join(", ")}${names.length > 10 ? ", ..." : ""}`
      : "This account sees no project at all",
  });
}

async function* follow(
  client: ApiClient,
  path: string,
  { things, signal }: { things: string; signal: AbortSignal | undefined },
) {
  let next: string | undefined = path;
  for (let page = 0; next !== undefined && page < MAX_PAGES; page++) {
    const { results, next: after } = parsePage(await client.get(next, { purpose: `list ${things}`, signal }), things);
    yield* results;
    // A relative `next` is relative to the page that it stands on; an empty page is the end, whatever it says.
    next = results.length && after ? tryUrl(after, new URL(next, client.host))?.href : undefined;
  }
}
