/** The rate of a program that classifies photographs in memory, with a process for each core. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Ceiling {
  /** Images per second of all processes together. Each does its share of `count`. */
  measure(count: number): Promise<number>;
  close(): Promise<void>;
}

interface Member {
  child: ChildProcessByStdio<Writable, Readable, null>;
  lines: AsyncIterator<string>;
}

/** @param program a command with the arguments of node.ts. */
export async function startCeiling(
  program: readonly string[],
  { photographs, model, processes }: { photographs: string; model: string; processes: number },
): Promise<Ceiling> {
  const members = Array.from({ length: processes }, (_, share): Member => {
    const [command = '', ...args] = [...program, photographs, model, String(share), String(processes)];
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    });
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  const nextLine = async ({ lines }: Member): Promise<string> => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`${program.join(' ')} has ended.`);
    return value;
  };
  await Promise.all(members.map(nextLine));
  return {
    async measure(count) {
      const each = Math.ceil(count / processes);
      const rates = members.map(async (member) => {
        member.child.stdin.write(`${each}\n`);
        return (1000 * each) / Number(await nextLine(member));
      });
      return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
    },
    async close() {
      for (const { child } of members) {
        if (child.exitCode !== null) continue;
        child.stdin.end();
        await once(child, 'exit');
      }
    },
  };
}
