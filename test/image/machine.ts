/** Runs an image like an EC2 instance: with user data, credentials of a role and a fake AWS, in its own network. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../contract/until.ts';
import type { DebianRoot } from './debian-root.ts';

const run = promisify(execFile);
const AWS = fileURLToPath(new URL('./children/aws.ts', import.meta.url));

export class Machine {
  /** The address of moto in that network. */
  readonly awsUrl: string;
  /** Resolves with exit code and signal when the machine powers off. */
  readonly off: Promise<unknown[]>;
  readonly #root: DebianRoot;
  readonly #aws: ChildProcess;
  readonly #process: ChildProcess;
  readonly #bootedAtMs = Date.now();

  private constructor(root: DebianRoot, aws: ChildProcess, awsUrl: string) {
    this.#root = root;
    this.#aws = aws;
    this.awsUrl = awsUrl;
    this.#process = root.boot();
    this.off = once(this.#process, 'exit');
  }

  /** @param userData MOTO in it is replaced by the address of moto. */
  static async boot(root: DebianRoot, userData: string): Promise<Machine> {
    const [program = '', ...args] = root.within(['net'], [process.execPath, AWS, userData]);
    const aws = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(aws, 'exit').then(() => Promise.reject(new Error('The fake AWS ended.')));
    const [ready] = await Promise.race([once(createInterface({ input: aws.stdout }), 'line'), failed]);
    failed.catch(() => {});
    return new Machine(root, aws, String(ready).replace('ready ', ''));
  }

  /** Runs a shell command on the machine. @throws when it fails. */
  async run(command: string): Promise<string> {
    const first = await until('the machine runs', () => this.#firstProcess());
    return (await run('nsenter', ['--all', '--target', first, 'sh', '-c', command])).stdout;
  }

  /** Waits until the unit has notified that it is ready. @returns its properties in systemd. */
  async untilActive(unit: string): Promise<Record<string, string>> {
    return await until(
      `${unit} is active`,
      async () => {
        const shown = await this.run(`systemctl show ${unit}`).catch(() => '');
        const known = Object.fromEntries(shown.split('\n').map((line) => line.split(/=(.*)/s)));
        return known.ActiveState === 'active' ? known : undefined;
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
  }

  noticeSpot(): void {
    this.#aws.stdin?.write(`${new Date().toISOString()}\n`);
  }

  /** The journal of all services since the boot. */
  async journal(): Promise<string> {
    const since = `--since=@${this.#bootedAtMs / 1000}`;
    return await this.#root.run([
      'journalctl',
      '--no-pager',
      since,
      '-D',
      `${this.#root.folder}/var/log/journal`,
    ]);
  }

  /** Its end is that of the machine; the program that booted it leaves it running when it is killed. */
  async #firstProcess(): Promise<string | undefined> {
    const found = await run('pgrep', ['--parent', String(this.#process.pid)]).catch(() => undefined);
    return found?.stdout.trim();
  }

  async close(): Promise<void> {
    const first = await this.#firstProcess();
    if (first !== undefined) process.kill(Number(first), 'SIGKILL');
    this.#process.kill('SIGKILL');
    this.#aws.stdin?.end();
    if (this.#aws.exitCode === null) await once(this.#aws, 'exit');
  }
}
