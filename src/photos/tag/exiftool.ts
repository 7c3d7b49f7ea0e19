import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { ImgclsError } from '../../core/runtime/errors.ts';

/** One process of ExifTool, which starts in as long as it takes for ten photographs. Runs one command at a time. */
export class ExifTool {
  readonly #process: ChildProcessWithoutNullStreams;
  #output = Buffer.alloc(0);
  #errors = '';
  /** Called when there is more output, or no more. */
  #onChange = () => {};

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    process.stdout.on('data', (chunk: Buffer) => {
      this.#output = Buffer.concat([this.#output, chunk]);
      this.#onChange();
    });
    process.on('close', () => this.#onChange());
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    // A command that waits for the end of its output learns of it.
    process.stdin.on('error', () => {});
  }

  /** @throws {ImgclsError} of kind `usage` where it is not installed. */
  static async start(program = 'exiftool'): Promise<ExifTool> {
    const child = spawn(program, ['-stay_open', 'True', '-@', '-']);
    try {
      await once(child, 'spawn');
    } catch (cause) {
      throw new ImgclsError('usage', 'Cannot write into photographs: ExifTool is not installed.', {
        hint:
          'Install it ("apt install libimage-exiftool-perl", "brew install exiftool", or from exiftool.org), ' +
          'or leave out --embed to write sidecars.',
        cause,
      });
    }
    return new ExifTool(child);
  }

  /** Runs one command. @param args without line ends, which separate them. */
  async run(args: readonly string[]): Promise<{ output: Buffer; errors: string }> {
    const number = Number.parseInt(randomUUID().slice(0, 8), 16);
    const end = Buffer.from(`{ready${number}}`);
    this.#output = Buffer.alloc(0);
    this.#errors = '';
    this.#process.stdin.write(`${[...args, `-execute${number}`].join('\n')}\n`);
    for (;;) {
      const at = this.#output.indexOf(end);
      if (at !== -1) return { output: this.#output.subarray(0, at), errors: this.#errors.trim() };
      if (this.#hasEnded())
        throw new ImgclsError('permanent', `ExifTool ended unexpectedly. ${this.#errors.trim()}`.trim());
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  async close(): Promise<void> {
    if (this.#hasEnded()) return;
    const closed = once(this.#process, 'close');
    this.#process.stdin.end('-stay_open\nFalse\n');
    await closed;
  }

  #hasEnded = (): boolean => this.#process.exitCode !== null || this.#process.signalCode !== null;
}
