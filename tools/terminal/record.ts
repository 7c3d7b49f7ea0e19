/** Records what a person types in a folder with photographs, and what the terminal shows. */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Keys, onTerminal, type Written } from './pseudo-terminal.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** A title of the window, which no terminal draws: the shell waits for a command. */
const READY = '\u001b]0;ready\u0007';

export interface Typed {
  command: string;
  /** For a command that does not end by itself. */
  stop?: Keys;
}

export interface Size {
  columns: number;
  rows: number;
}

/** A folder of a person, with photographs and with `imgcls` on the path. */
async function openHome(): Promise<{ home: string; env: NodeJS.ProcessEnv }> {
  const home = await mkdtemp(path.join(tmpdir(), 'imgcls-recording-'));
  await mkdir(path.join(home, 'bin'));
  await symlink(path.join(root, 'bin', 'imgcls.js'), path.join(home, 'bin', 'imgcls'));
  await cp(path.join(root, 'samples'), path.join(home, 'photos'), {
    recursive: true,
    filter: (file) => !/\.(md|json)$/.test(file),
  });
  const PATH = [path.join(home, 'bin'), path.dirname(process.execPath), process.env.PATH].join(
    path.delimiter,
  );
  return { home, env: { PATH, HOME: home, IMGCLS_DATA_DIR: path.join(home, 'data') } };
}

/** @returns what was written to the terminal, with its seconds since the start. */
export async function record(python: string, typed: readonly Typed[], size: Size): Promise<Written[]> {
  const { home, env } = await openHome();
  try {
    const keys = [...typed, { command: 'exit' }].flatMap(({ command, stop }: Typed): Keys[] => [
      { after: READY, press: `${command}\r` },
      ...(stop ? [stop] : []),
    ]);
    const bash = `cd ${home} && exec env PS1="$PROMPT" HISTFILE= bash --norc --noprofile`;
    const { written } = await onTerminal(python, bash, {
      ...size,
      env: { ...env, PROMPT: `\\[${READY}\\]$ ` },
      keys,
    });
    // The shell's own end is no part of what was typed.
    return written.slice(0, written.findLastIndex(([, text]) => text.includes(READY)) + 1);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
