import { AppError } from "../../base/errors.ts";
import { CLOSE } from "./protocol.ts";

/** True for a {@link closeError}: not the connection failed, the session is over. */
export function isSessionClose({ details }: AppError): boolean {
  return details?.sessionClose !== undefined;
}

/** What a person is told about a session that the far side ended with `code`; `replaced` ends a connection only. */
export function closeError(code: number): AppError {
  const details = { sessionClose: code };
  switch (code) {
    case CLOSE.unknown:
      return new AppError("tunnel_closed", "The session is gone: the agent does not know it any more", {
        hint: "The job was started anew, or the session was held too long: connect again",
        details,
      });
    case CLOSE.replaced:
      return new AppError("tunnel_closed", "Another connection has taken the session over");
    case CLOSE.refused:
      return new AppError(
        "auth_denied",
        "The agent does not give the session back: it was opened with another identity",
        {
          hint: "Log in as the same user as before, or connect again",
          details,
        },
      );
    case CLOSE.overloaded:
      return new AppError("tunnel_closed", "The agent gave the session up: it holds as many as it may", {
        hint: "Connect again",
        details,
      });
    default:
      return new AppError("tunnel_closed", `The far side gave the session up (code ${code})`, {
        hint: "Connect again; if it happens again, use the same version of porthole on both sides",
        details,
      });
  }
}
