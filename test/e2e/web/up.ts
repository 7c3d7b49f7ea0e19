import { until } from '../../contract/until.ts';
import { type Running, start } from '../package.ts';

export interface Service extends Running {
  url: string;
  /** Interrupts it and waits until it has ended. */
  stop(): Promise<void>;
}

/** Starts `imgcls up` (or `serve`) on a free port and waits until it listens. */
export async function startService(
  bin: string,
  dataDir: string,
  args: readonly string[] = ['up'],
  env: NodeJS.ProcessEnv = {},
): Promise<Service> {
  const running = start(bin, dataDir, [...args, '--port', '0'], env);
  const url = await until('the service listens', async () => {
    return /Listening on (http:\/\/\S+)/.exec(running.stderr())?.[1];
  });
  return {
    ...running,
    url,
    async stop() {
      running.kill('SIGINT');
      await running.finished;
    },
  };
}
