// What the service manager is told of a process that it runs: sd_notify, by systemd's own program, since Node has no
// datagram sockets of the unix kind.

import { promisify } from 'node:util';
import { messageOf } from '../core/runtime/errors.ts';
import { systemClock } from './system-clock.ts';

/** Where nobody listens, nothing is said. */
export interface ServiceNotifier {
  /**
   * The process does its work from now on.
   * @param standing names what should move and does not. While it names anything, the watchdog is not told that all is well.
   */
  ready(status: string, standing: () => readonly string[]): void;
  /** The process ends, whoever wanted that. */
  stopping(status: string): void;
  /** Resolves when all that was said has arrived. */
  close(): Promise<void>;
}

const SEND_TIMEOUT_MS = 5000;

/**
 * Reads what systemd has put into the environment, and takes it out: no child of this process may speak for it.
 * @param warn told when systemd cannot be told.
 */
export function openNotifier(env: NodeJS.ProcessEnv, warn: (text: string) => void): ServiceNotifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watchdogPid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === undefined || socket === '') return SILENT;
  const isWatched = watchdogPid === undefined || Number(watchdogPid) === process.pid;
  const watchdogMs = isWatched ? Number(watchdogUs ?? 0) / 1000 : 0;
  return new SystemdNotifier(socket, watchdogMs, warn);
}

const SILENT: ServiceNotifier = { ready() {}, stopping() {}, async close() {} };

class SystemdNotifier implements ServiceNotifier {
  readonly #socket: string;
  readonly #watchdogMs: number;
  readonly #warn: (text: string) => void;
  readonly #closing = new AbortController();
  /** One after the other, so that they arrive in order. */
  #sent: Promise<void> = Promise.resolve();
  #beating: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param watchdogMs within so long the watchdog wants to hear of us; 0: there is none. */
  constructor(socket: string, watchdogMs: number, warn: (text: string) => void) {
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
    this.#warn = warn;
  }

  ready(status: string, standing: () => readonly string[]): void {
    this.#send('READY=1', `STATUS=${status}`);
    if (this.#watchdogMs > 0) this.#beating = this.#beat(standing);
  }

  stopping(status: string): void {
    this.#send('STOPPING=1', `STATUS=${status}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#beating;
    await this.#sent;
  }

  async #beat(standing: () => readonly string[]): Promise<void> {
    const { signal } = this.#closing;
    let isStanding = false;
    while (!signal.aborted) {
      const loops = standing();
      if (loops.length === 0) this.#send('WATCHDOG=1');
      else if (!isStanding)
        this.#warn(`Nothing moves in: ${loops.join(', ')}. The watchdog will end this process.`);
      isStanding = loops.length > 0;
      await systemClock.sleep(this.#watchdogMs / 2, signal);
    }
  }

  #send(...assignments: string[]): void {
    this.#sent = this.#sent.then(() => this.#run(assignments));
  }

  async #run(assignments: string[]): Promise<void> {
    // Loaded here: where there is no service manager, a command starts without it.
    const { execFile } = await import('node:child_process');
    try {
      await promisify(execFile)('systemd-notify', assignments, {
        env: { PATH: process.env.PATH, NOTIFY_SOCKET: this.#socket },
        timeout: SEND_TIMEOUT_MS,
      });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#warn(`The service manager cannot be told how things are: ${messageOf(error)}`);
    }
  }
}
