// Runs a command on a terminal of its own, with somebody who types.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Undefined where pseudo terminals cannot be made; those who lack it are told. */
export function findPython(): string | undefined {
  try {
    execFileSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode'], { stdio: 'ignore' });
    return 'python3';
  } catch {
    console.warn('There is no terminal to run commands on: that needs python3 (3.9 or newer).');
    return undefined;
  }
}

/** Writes one JSON array a line: seconds since the start, and what the command wrote to the terminal. */
const SCRIPT = `
import codecs, fcntl, json, os, pty, select, struct, sys, termios, time
KEY_SECONDS = 0.04
columns, rows, keys = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    os.execvp('sh', ['sh', '-c', sys.argv[4]])
start, unread, typing = time.monotonic(), '', ''
decoder = codecs.getincrementaldecoder('utf-8')('replace')
while True:
    ready, _, _ = select.select([fd], [], [], KEY_SECONDS if typing else 60)
    if typing:
        os.write(fd, typing[0].encode()); typing = typing[1:]
        if not ready: continue
    if not ready: os.kill(pid, 9); sys.exit(99)
    try: data = os.read(fd, 65536)
    except OSError: break
    if not data: break
    text = decoder.decode(data)
    print(json.dumps([time.monotonic() - start, text]), flush=True)
    unread += text
    if keys and keys[0]['after'] in unread:
        unread, typing = '', keys.pop(0)['press']
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

export interface Keys {
  /** They are pressed once this was written since the last keys. */
  after: string;
  press: string;
}

export const CTRL_C = '\u0003';

export interface TerminalRun {
  columns: number;
  /** 24 by default. */
  rows?: number;
  env: NodeJS.ProcessEnv;
  keys?: readonly Keys[];
}

/** What was written to the terminal, and how many seconds after the start. */
export type Written = [seconds: number, text: string];

/**
 * @param command a command line of the shell. A minute without output ends it.
 * @returns its exit code, and all that was written to the terminal.
 */
export async function onTerminal(
  python: string,
  command: string,
  { columns, rows = 24, env, keys = [] }: TerminalRun,
): Promise<{ code: number | null; written: Written[]; seen: string }> {
  const terminal: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm' };
  // Spinners keep still in CI.
  for (const name of Object.keys(terminal)) if (/^(CI|NO_COLOR|IMGCLS_.*)$/.test(name)) delete terminal[name];
  const child = spawn(python, ['-c', SCRIPT, String(columns), String(rows), JSON.stringify(keys), command], {
    env: { ...terminal, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  const written: Written[] = output
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { code, written, seen: written.map(([, text]) => text).join('') };
}
