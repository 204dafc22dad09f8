import type { Row } from "../row.ts";
import { connectRow } from "./connect.ts";
import { execDownRow, execUpRow } from "./exec_transfer.ts";
import { fleetCpuRow, fleetMemoryRow, fleetWallRow } from "./fleet_exec.ts";
import { fleetFaultsRow } from "./fleet_faults.ts";
import { downloadRow, farDownloadRow, farUploadRow, uploadRow } from "./fleet_transfer.ts";
import { keystrokeRow } from "./keystroke.ts";
import { memoryRow } from "./memory.ts";
import { sftpGetRow, sftpPutRow } from "./sftp_transfer.ts";
import { startupRow } from "./startup.ts";

/** Every row of the table, in its order. A new one is a file in this folder and a line here. */
export const ALL_ROWS: readonly Row[] = [
  connectRow,
  keystrokeRow,
  execDownRow,
  execUpRow,
  sftpGetRow,
  sftpPutRow,
  startupRow,
  memoryRow,
  fleetWallRow,
  fleetCpuRow,
  fleetMemoryRow,
  fleetFaultsRow,
  uploadRow,
  downloadRow,
  farUploadRow,
  farDownloadRow,
];
