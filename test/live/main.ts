/**
 * The live test: runs the packed package on a real AWS account. It costs money.
 *
 *     IMGCLS_LIVE=1 IMGCLS_LIVE_ACCOUNT=123456789012 AWS_REGION=eu-central-1 npm run test:live [-- FLAGS OF imgcls deploy]
 *
 * It uses the credentials of the AWS configuration. IMGCLS_LIVE_MINUTES (60) and IMGCLS_LIVE_MAX_USD (2) limit it.
 * IMGCLS_LIVE_IMAGE names an existing machine image. Ctrl-C cleans up, too. Exit codes: 0 success and nothing remains,
 * 1 failure, 2 not permitted to run.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { systemClock } from '../../src/app/system-clock.ts';
import { explain } from '../../src/cli/terminal/exit.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import { installPackage } from '../e2e/package.ts';
import { openAccount } from './account.ts';
import { type Run, runLiveTest } from './live-test.ts';
import { checkAccount, permission, quote, Refusal } from './permission.ts';
import { writePhotographs } from './photographs.ts';

const IMAGES = 600;
/** Time for a command to end after SIGTERM. */
const KILL_AFTER_MS = 30_000;

const say = (text: string) => process.stderr.write(`live: ${text}\n`);

try {
  process.exitCode = (await live(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  if (error instanceof Refusal) {
    say(error.message);
    process.exitCode = 2;
  } else {
    say(explain(error));
    process.exitCode = 1;
  }
}

async function live(flags: readonly string[]): Promise<boolean> {
  const allowed = permission(process.env);
  const account = await openAccount();
  try {
    checkAccount(allowed, account.id);
    const cluster = `live-${randomBytes(4).toString('hex')}`;
    say(`cluster ${cluster} in account ${account.id}, region ${account.region}; ${quote(allowed)}.`);
    const startedAtMs = Date.now();
    const installed = await installPackage();
    const ending = new AbortController();
    const interrupt = () => ending.abort(new Error('Interrupted.'));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
    const timeout = setTimeout(
      () => ending.abort(new Error(`Timed out after ${allowed.minutes} minutes.`)),
      60_000 * allowed.minutes,
    );
    try {
      const dataDir = await installed.dataDir();
      return await runLiveTest({
        cluster,
        settingsFile: path.join(dataDir, 'imgcls.config.json'),
        photographs: await writePhotographs(path.join(dataDir, 'photographs'), IMAGES),
        image: allowed.image,
        deployFlags: flags,
        imgcls: (args, signal) => imgcls(installed.bin, dataDir, args, signal),
        removeImage: account.removeImage,
        leftovers: () => account.leftovers(cluster, startedAtMs),
        clock: systemClock,
        say,
        signal: ending.signal,
      });
    } finally {
      clearTimeout(timeout);
      await installed.remove();
    }
  } finally {
    account.close();
  }
}

/** Runs the package as a user would. Its stderr goes to the terminal. */
async function imgcls(bin: string, cwd: string, args: readonly string[], signal: AbortSignal): Promise<Run> {
  if (args[0] !== 'status') say(`$ imgcls ${args.join(' ')}`);
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('IMGCLS_'));
  // In its own process group, so that Ctrl-C reaches only this test, which ends its commands and then cleans up.
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...Object.fromEntries(own), IMGCLS_DATA_DIR: cwd },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  let force: NodeJS.Timeout | undefined;
  const removeListener = onAbort(signal, () => {
    child.kill('SIGTERM');
    force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  removeListener();
  clearTimeout(force);
  return { code, stdout };
}
