import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { harmless } from '../../core/text/harmless.ts';
import { painter } from './screen.ts';
import { openStatusLine, type StatusLine } from './status-line.ts';

/** `quiet`: results and errors only. `verbose`: also what explains them. */
export type Verbosity = 'quiet' | 'normal' | 'verbose';

type Stream = Writable & { isTTY?: boolean; columns?: number; fd?: number };

/**
 * The owner of standard output and standard error: results go to the one, all else to the other, in whole lines. It keeps
 * the status line apart from both.
 */
export class Terminal {
  verbosity: Verbosity = 'normal';
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #line: StatusLine | undefined;

  constructor({ stdout, stderr }: { stdout: Stream; stderr: Stream }) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** A line for the person at the terminal. */
  notice(text: string): void {
    if (this.verbosity !== 'quiet') this.#stderr.write(`${harmless(text)}\n`);
  }

  /** Something may be wrong; the command continues. */
  warn(text: string): void {
    if (this.verbosity === 'quiet') return;
    this.#stderr.write(`${painter(this.#stderr)('yellow', 'warning:')} ${harmless(text)}\n`);
  }

  /** A line that explains what happens, with --verbose. */
  detail(text: string): void {
    if (this.verbosity === 'verbose') this.#stderr.write(`${painter(this.#stderr)('dim', harmless(text))}\n`);
  }

  /** Undefined where there is no terminal for it, and with --quiet. */
  async openStatusLine(text: string): Promise<StatusLine | undefined> {
    if (this.verbosity === 'quiet') return undefined;
    this.#line = await openStatusLine(this.#stderr, text);
    return this.#line;
  }

  /**
   * Writes results to standard output, and waits for a slow reader, to bound memory. The reader of a pipe may write to the
   * same terminal at any time from now on, so the status line ends.
   */
  async write(part: string | Uint8Array): Promise<void> {
    if (part.length > 0 && isPipe(this.#stdout)) this.#line?.retire();
    await writeTo(this.#stdout, part);
  }

  /** Resolves when the system has all results. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stdout.write('', (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** Only a pipe has a reader, which may write to the same terminal. */
function isPipe({ isTTY, fd }: Stream): boolean {
  if (isTTY === true || fd === undefined) return false;
  const found = fstatSync(fd);
  return found.isFIFO() || found.isSocket();
}

/** Waits for a slow reader. @throws the error of an earlier write. */
export async function writeTo(stream: Writable, part: string | Uint8Array): Promise<void> {
  if (stream.errored) throw stream.errored;
  if (part.length > 0 && !stream.write(part)) await once(stream, 'drain');
}

/** The terminal of this process. */
export const terminal = new Terminal(process);
