import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { modelEnvironment, nodeUnder } from '../core/model/model-environment.ts';
import {
  type PictureMaker,
  type PictureReply,
  type PictureRequest,
  pictureReply,
} from '../core/model/picture.ts';
import { Budget } from '../core/runtime/budget.ts';
import type { Clock } from '../core/runtime/clock.ts';

export interface PictureProcessesOptions {
  /** The script that speaks core/model/picture. */
  entry: URL;
  /** A program with arguments that runs each process. Empty for none. */
  under: readonly string[];
  maxPixels: number;
  clock: Pick<Clock, 'sleep'>;
}

/** Each may need a gigabyte for a large image, and has the bytes of one image. */
const PROCESSES = 2;
/** Processor time of a decode. The first photograph of a phone takes 50 ms, a HEIC a second. */
const DECODE_MS = 10_000;
/** From the request to the reply: a decode that other processes hold up, and is tried again. */
const REPLY_MS = 30_000;
/** A process that has been idle for so long is ended: it has 60 MB. */
const IDLE_MS = 30_000;

/** src/model in a clone, dist/model in the package. */
export const pictureEntry = (): URL =>
  new URL(`../model/picture-main${path.extname(import.meta.url)}`, import.meta.url);

/** Makes pictures in processes that start when they are needed. Each has one image at a time, so that an image can harm no other. */
export class PictureProcesses implements PictureMaker {
  readonly #options: PictureProcessesOptions;
  readonly #places = new Budget(PROCESSES);
  readonly #all = new Set<ChildProcess>();
  /** The one that was used last is at the end. */
  readonly #idle = new Map<ChildProcess, AbortController>();

  constructor(options: PictureProcessesOptions) {
    this.#options = options;
  }

  async make(
    { longestSide, read }: { longestSide: number; read(): Promise<Uint8Array> },
    signal: AbortSignal,
  ): Promise<PictureReply> {
    await this.#places.take(1, signal);
    try {
      const image = await read();
      const child = this.#takeIdle() ?? this.#start();
      const reply = await this.#ask(child, { image, longestSide });
      if (this.#all.has(child)) this.#setIdle(child);
      return reply;
    } finally {
      this.#places.give(1);
    }
  }

  close(): void {
    for (const idle of this.#idle.values()) idle.abort();
    for (const child of this.#all) child.kill('SIGKILL');
  }

  #takeIdle(): ChildProcess | undefined {
    const [child, idle] = [...this.#idle].at(-1) ?? [];
    if (child === undefined) return undefined;
    idle?.abort();
    this.#idle.delete(child);
    return child;
  }

  #setIdle(child: ChildProcess): void {
    const idle = new AbortController();
    this.#idle.set(child, idle);
    void this.#options.clock.sleep(IDLE_MS, idle.signal).then(() => {
      if (!idle.signal.aborted) this.#end(child);
    });
  }

  #end(child: ChildProcess): void {
    this.#forget(child);
    child.kill('SIGKILL');
  }

  #forget(child: ChildProcess): void {
    this.#all.delete(child);
    this.#idle.get(child)?.abort();
    this.#idle.delete(child);
  }

  #start(): ChildProcess {
    const { entry, under, maxPixels } = this.#options;
    const child = fork(entry, [JSON.stringify({ maxPixels, decodeTimeoutMs: DECODE_MS })], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      ...nodeUnder(under, []),
      env: { MALLOC_ARENA_MAX: '2', ...modelEnvironment(process.env), UV_THREADPOOL_SIZE: '2' },
      // Keeps a Ctrl-C in the terminal from it: the service lets requests finish.
      detached: process.platform !== 'win32',
    });
    this.#all.add(child);
    child.once('exit', () => this.#forget(child));
    child.once('error', () => this.#forget(child));
    return child;
  }

  async #ask(child: ChildProcess, request: PictureRequest): Promise<PictureReply> {
    const { promise, resolve } = Promise.withResolvers<PictureReply>();
    const onMessage = (message: unknown) => {
      const { success, data } = pictureReply.safeParse(message, { jitless: true });
      resolve(success ? data : NO_REPLY);
      if (!success) this.#end(child);
    };
    const onExit = (code: number | null, signal: string | null) => resolve(crashed(signal ?? `code ${code}`));
    const onError = ({ message }: Error) => resolve({ fault: `The process for pictures failed: ${message}` });
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    const answered = new AbortController();
    void this.#options.clock.sleep(REPLY_MS, answered.signal).then(() => {
      if (answered.signal.aborted) return;
      resolve(tooSlow());
      this.#end(child);
    });
    // A process that could not be started has no channel. An error here means that it has ended. It reports both itself.
    if (child.pid !== undefined) child.send(request, () => {});
    try {
      return await promise;
    } finally {
      answered.abort();
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
    }
  }
}

/** What an image may have taken over does not get another one. */
const NO_REPLY: PictureReply = { fault: 'The process for pictures sent something else than a reply.' };

const crashed = (exit: string): PictureReply => ({
  error: { code: 'worker_crash', message: `Making the picture ended its process (${exit}).` },
});

const tooSlow = (): PictureReply => ({
  error: { code: 'deadline', message: `Making the picture takes longer than ${REPLY_MS / 1000} s.` },
});
