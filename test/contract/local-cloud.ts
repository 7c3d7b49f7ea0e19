/** A new data folder for a test, and child processes that use it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { createLocalCloud, type LocalCloudOptions } from '../../src/local/cloud.ts';

export const CLUSTER = 'test';

export interface TestClouds {
  dataDir: string;
  /** Opens another connection to the same embedded cloud. */
  open(options?: Omit<LocalCloudOptions, 'dataDir' | 'cluster'>): Cloud;
  /** Starts `children/<script>.ts` with the data folder and `args`. */
  start(script: string, ...args: string[]): Child;
  /** Ends and closes everything and removes the folder. */
  release(): Promise<void>;
}

export async function makeClouds(): Promise<TestClouds> {
  const dataDir = await mkdtemp(join(tmpdir(), 'imgcls-local-'));
  const clouds: Cloud[] = [];
  const children: Child[] = [];
  return {
    dataDir,
    open(options = {}) {
      const cloud = createLocalCloud({ dataDir, cluster: CLUSTER, ...options });
      clouds.push(cloud);
      return cloud;
    },
    start(script, ...args) {
      const child = new Child(script, [dataDir, ...args]);
      children.push(child);
      return child;
    },
    async release() {
      for (const child of children) await child.kill();
      for (const cloud of clouds) await cloud.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** A child process and the messages that it has sent. */
export class Child {
  readonly messages: unknown[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = '';

  constructor(script: string, args: readonly string[]) {
    const path = new URL(`./children/${script}.ts`, import.meta.url).pathname;
    this.#process = fork(path, args, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#process.on('message', (message) => this.messages.push(message));
    this.#process.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.#ended = once(this.#process, 'close');
  }

  send(message: string): void {
    this.#process.send(message);
  }

  /** Waits for message `n` of the child. */
  async message(n = 0): Promise<unknown> {
    while (this.messages.length <= n) {
      if (this.#process.exitCode !== null) throw new Error(`The child ended: ${this.#stderr}`);
      await Promise.race([once(this.#process, 'message'), this.#ended]);
    }
    return this.messages[n];
  }

  /** Kills the child and waits until it has ended and all its messages have arrived. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  /** Waits until the child has ended by itself. */
  async ended(): Promise<void> {
    await this.#ended;
    if (this.#process.exitCode !== 0) throw new Error(`The child failed: ${this.#stderr}`);
  }
}
