// Runs a command on a terminal of its own, and tells what its screen shows at the end.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Undefined where pseudo terminals cannot be made; those who lack it are told. */
export function findPython(): string | undefined {
  try {
    execFileSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode'], { stdio: 'ignore' });
    return 'python3';
  } catch {
    console.warn('Skipping the tests on a terminal: they need python3 (3.9 or newer).');
    return undefined;
  }
}

const SCRIPT = `
import fcntl, os, pty, select, struct, sys, termios
columns, press_at = int(sys.argv[1]), sys.argv[2].encode()
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    os.execvp('sh', ['sh', '-c', sys.argv[3]])
seen, pressed = b'', press_at == b''
while True:
    ready, _, _ = select.select([fd], [], [], 60)
    if not ready: os.kill(pid, 9); sys.exit(99)
    try: data = os.read(fd, 65536)
    except OSError: break
    if not data: break
    seen += data
    if not pressed and press_at in seen:
        os.write(fd, b'\\x03'); pressed = True
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

export interface TerminalRun {
  columns: number;
  env: NodeJS.ProcessEnv;
  /** Presses Ctrl-C once this was written. */
  pressCtrlCAt?: string;
}

/** @param command a command line of the shell. @returns all that was written to the terminal. */
export async function onTerminal(
  python: string,
  command: string,
  { columns, env, pressCtrlCAt = '' }: TerminalRun,
): Promise<{ code: number | null; seen: string }> {
  const terminal: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm' };
  // Spinners keep still in CI.
  for (const name of Object.keys(terminal)) if (/^(CI|NO_COLOR|IMGCLS_.*)$/.test(name)) delete terminal[name];
  const child = spawn(python, ['-c', SCRIPT, String(columns), pressCtrlCAt, command], {
    env: { ...terminal, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
  });
  const [code] = await once(child, 'close');
  return { code, seen };
}

/** A letter, or one of the sequences that move the cursor or erase. */
const TOKENS = /\u001b\[\??([\d;]*)([A-Za-z])|[\r\n]|[^\u001b\r\n]/gu;

/** The lines of the screen and above it, after the text was written to a terminal. */
export function screenAfter(seen: string, columns: number): string[] {
  const lines: string[][] = [[]];
  let [row, column] = [0, 0];
  const line = (): string[] => {
    while (lines.length <= row) lines.push([]);
    return lines[row] ?? [];
  };
  for (const [token, parameters = '', command] of seen.matchAll(TOKENS)) {
    const count = Number(parameters || 1);
    if (command === 'A') row = Math.max(0, row - count);
    else if (command === 'G') column = count - 1;
    else if (command === 'K') line().splice(parameters === '2' ? 0 : column);
    else if (command === 'J') lines.splice(row + 1);
    else if (command !== undefined) continue;
    else if (token === '\r') column = 0;
    else if (token === '\n') row++;
    else {
      if (column === columns) [row, column] = [row + 1, 0];
      const letters = line();
      while (letters.length < column) letters.push(' ');
      letters[column++] = token;
    }
  }
  return lines.map((letters) => letters.join('').trimEnd());
}
