/** Command lines in one process, for tests of what commands do to an account: to load the SDK takes half a second of each process. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { inDataDir } from '../e2e/package.ts';

export interface Commands {
  /** Runs a command line of `imgcls`; one at a time. */
  run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  close(): Promise<void>;
}

/** @param dataDir the folder that they work on and in. */
export function openCommands(dataDir: string, env: NodeJS.ProcessEnv): Commands {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('IMGCLS_')));
  const child = fork(new URL('./children/commands.ts', import.meta.url), {
    cwd: dataDir,
    env: { ...own, ...env, ...inDataDir(dataDir) },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  return {
    async run(...args) {
      child.send(args);
      const [answer] = await Promise.race([once(child, 'message'), ended]);
      if (answer === null || typeof answer !== 'object')
        throw new Error(`imgcls ${args.join(' ')} ended with ${answer}.`);
      return answer;
    },
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
