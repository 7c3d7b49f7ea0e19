// Reports the state of this process to systemd (sd_notify). It runs systemd's own program, as Node has no Unix datagram
// sockets.

import { messageOf } from '../core/runtime/errors.ts';
import { type ServiceNotifier, sendHeartbeats } from './service-notifier.ts';
import { systemClock } from './system-clock.ts';

const SEND_TIMEOUT_MS = 5000;

/**
 * Reads systemd's environment variables and removes them, so that child processes do not notify in our name.
 * @param warn receives failures to notify systemd.
 * @returns undefined where systemd does not run this process.
 */
export function openSystemdNotifier(
  env: NodeJS.ProcessEnv,
  warn: (text: string) => void,
): ServiceNotifier | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watchdogPid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === undefined || socket === '') return undefined;
  const isWatched = watchdogPid === undefined || Number(watchdogPid) === process.pid;
  const watchdogMs = isWatched ? Number(watchdogUs ?? 0) / 1000 : 0;
  return new SystemdNotifier(socket, watchdogMs, warn);
}

class SystemdNotifier implements ServiceNotifier {
  readonly #socket: string;
  readonly #watchdogMs: number;
  readonly #warn: (text: string) => void;
  readonly #closing = new AbortController();
  /** Notifications are sent one at a time to keep their order. */
  #sent: Promise<void> = Promise.resolve();
  #heartbeat: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param watchdogMs the watchdog's timeout; 0 where there is no watchdog. */
  constructor(socket: string, watchdogMs: number, warn: (text: string) => void) {
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
    this.#warn = warn;
  }

  ready(status: string, stalled: () => readonly string[]): void {
    this.#send('READY=1', `STATUS=${status}`);
    if (this.#watchdogMs === 0) return;
    this.#heartbeat = sendHeartbeats({
      everyMs: this.#watchdogMs / 2,
      stalled,
      send: async () => this.#send('WATCHDOG=1'),
      warn: (loops) => this.#warn(`Stalled: ${loops}. The systemd watchdog will end this process.`),
      clock: systemClock,
      signal: this.#closing.signal,
    });
  }

  stopping(status: string): void {
    this.#send('STOPPING=1', `STATUS=${status}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#heartbeat;
    await this.#sent;
  }

  #send(...assignments: string[]): void {
    this.#sent = this.#sent.then(() => this.#run(assignments));
  }

  async #run(assignments: string[]): Promise<void> {
    // Loaded on first use: a command that does not run under systemd starts without it.
    const [{ execFile }, { promisify }] = await Promise.all([
      import('node:child_process'),
      import('node:util'),
    ]);
    try {
      await promisify(execFile)('systemd-notify', assignments, {
        env: { PATH: process.env.PATH, NOTIFY_SOCKET: this.#socket },
        timeout: SEND_TIMEOUT_MS,
      });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#warn(`Failed to notify systemd: ${messageOf(error)}`);
    }
  }
}
