import { IS_MAC, type Libc } from "./libc.ts";

/** Where a mode of RFC 4254 8 lives in Linux' `struct termios` (asm-generic/termbits.h). */
type Mode =
  | { readonly field: "iflag" | "oflag" | "cflag" | "lflag"; readonly bit: number }
  | { readonly field: "cc"; readonly index: number };

/** Offsets of the 32-bit flags; behind them comes `c_line`, one byte, then `c_cc`. */
const FLAG_AT = { iflag: 0, oflag: 4, cflag: 8, lflag: 12 } as const;
const CC_AT = 17;
/** glibc's struct, with room to spare. */
const TERMIOS_BYTES = 128;
const TCSANOW = 0;
/** RFC 4254 8: a control character that is switched off. */
const DISABLED = 255;
/** _POSIX_VDISABLE on Linux. */
const VDISABLE = 0;

const cc = (index: number): Mode => ({ field: "cc", index });
const iflag = (bit: number): Mode => ({ field: "iflag", bit });
const lflag = (bit: number): Mode => ({ field: "lflag", bit });
const oflag = (bit: number): Mode => ({ field: "oflag", bit });

/** Opcode to place. Speeds (128, 129) mean nothing to a pseudo-terminal; CS7, CS8, PARENB and PARODD neither. */
const MODES: ReadonlyMap<number, Mode> = new Map([
  // VINTR VQUIT VERASE VKILL VEOF VEOL VEOL2 VSTART VSTOP VSUSP VREPRINT VWERASE VLNEXT VDISCARD
  ...([
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 4],
    [6, 11],
    [7, 16],
    [8, 8],
    [9, 9],
    [10, 10],
    [12, 12],
    [13, 14],
    [14, 15],
    [
      18,
      13,
    ],
  ] as const).map(([opcode, index]): [number, Mode] => [opcode, cc(index)]),
  // IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8
  ...([
    [30, 0o4],
    [31, 0o10],
    [32, 0o20],
    [33, 0o40],
    [34, 0o100],
    [35, 0o200],
    [36, 0o400],
    [37, 0o1000],
    [38, 0o2000],
    [
      39,
      0o4000,
    ],
    [40, 0o10000],
    [41, 0o20000],
    [42, 0o40000],
  ] as const).map(([opcode, bit]): [number, Mode] => [opcode, iflag(bit)]),
  // ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOKE PENDIN
  ...([
    [50, 0o1],
    [51, 0o2],
    [52, 0o4],
    [53, 0o10],
    [54, 0o20],
    [55, 0o40],
    [56, 0o100],
    [57, 0o200],
    [58, 0o400],
    [
      59,
      0o100000,
    ],
    [60, 0o1000],
    [61, 0o4000],
    [62, 0o40000],
  ] as const).map(([opcode, bit]): [number, Mode] => [opcode, lflag(bit)]),
  // OPOST OLCUC ONLCR OCRNL ONOCR ONLRET
  ...([[70, 0o1], [71, 0o2], [72, 0o4], [73, 0o10], [74, 0o20], [75, 0o40]] as const)
    .map(([opcode, bit]): [number, Mode] => [opcode, oflag(bit)]),
]);

/**
 * Sets the modes that a client sent on the terminal `fd`. Modes that Linux does not have are passed over, as RFC 4254 8
 * asks. Elsewhere (the layout differs) the terminal keeps the system's own modes.
 */
export function applyTerminalModes(
  { symbols }: Libc,
  { fd, modes }: { fd: number; modes: ReadonlyMap<number, number> },
) {
  if (IS_MAC || modes.size === 0) return;
  const termios = new DataView(new ArrayBuffer(TERMIOS_BYTES));
  if (symbols.tcgetattr(fd, termios.buffer) !== 0) return;
  for (const [opcode, value] of modes) setMode(termios, { mode: MODES.get(opcode), value });
  symbols.tcsetattr(fd, TCSANOW, termios.buffer);
}

function setMode(termios: DataView, { mode, value }: { mode: Mode | undefined; value: number }): void {
  if (!mode) return;
  if (mode.field === "cc") return termios.setUint8(CC_AT + mode.index, value === DISABLED ? VDISABLE : value);
  const at = FLAG_AT[mode.field];
  const flags = termios.getUint32(at, true);
  termios.setUint32(at, value ? flags | mode.bit : flags & ~mode.bit, true);
}
