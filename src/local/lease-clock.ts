/** The clock of leases and delays: common to all processes of this machine, and never set. */
import { readFileSync } from 'node:fs';

export interface LeaseClock {
  /** The start of the machine from which it counts: times of another start cannot be compared. */
  boot: string;
  nowMs(): number;
}

/** The time since the machine was started. The wall clock, which a person may set, where the system does not name its start. */
export function systemLeaseClock(): LeaseClock {
  const boot = bootId();
  if (boot === undefined) return { boot: 'wall clock', nowMs: Date.now };
  return { boot, nowMs: () => Number(process.hrtime.bigint() / 1_000_000n) };
}

function bootId(): string | undefined {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    if (process.platform === 'darwin') {
      // Loaded here: it loads all of Node's network code.
      const { execFileSync } = process.getBuiltinModule('node:child_process');
      return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
    }
  } catch {
    // A sandbox may hide it.
  }
  return undefined;
}
