/**
 * The live test: the whole story on a real AWS account, by the package as its users get it. It costs money.
 *
 *     IMGCLS_LIVE=1 IMGCLS_LIVE_ACCOUNT=123456789012 AWS_REGION=eu-central-1 npm run test:live [-- FLAGS OF imgcls deploy]
 *
 * Credentials are those of any AWS tool. IMGCLS_LIVE_MINUTES (60) and IMGCLS_LIVE_MAX_USD (2) limit it, IMGCLS_LIVE_IMAGE takes
 * a machine image that is there. Ctrl-C cleans up, too. Exit codes: 0 all went well and nothing is left, 1 not, 2 it
 * may not run.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { systemClock } from '../../src/app/system-clock.ts';
import { explain } from '../../src/cli/terminal/exit.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import { installPackage } from '../e2e/package.ts';
import { openAccount } from './account.ts';
import { checkAccount, permission, quote, Refusal } from './permission.ts';
import { writePhotographs } from './photographs.ts';
import { type Run, tellStory } from './story.ts';

const IMAGES = 600;
/** In the default VPC machines without a public address reach AWS by endpoints alone. */
const USUAL_DEPLOY_FLAGS = ['--with-endpoints'];
/** A command that was told to end has so long to do so. */
const PARTING_MS = 30_000;

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
    const late = setTimeout(() => ending.abort(new Error('Its time is up.')), 60_000 * allowed.minutes);
    try {
      const dataDir = await installed.dataDir();
      return await tellStory({
        cluster,
        settingsFile: path.join(dataDir, 'imgcls.config.json'),
        photographs: await writePhotographs(path.join(dataDir, 'photographs'), IMAGES),
        image: allowed.image,
        deployFlags: flags.length > 0 ? flags : USUAL_DEPLOY_FLAGS,
        imgcls: (args, signal) => imgcls(installed.bin, dataDir, args, signal),
        removeImage: account.removeImage,
        leftovers: () => account.leftovers(cluster, startedAtMs),
        clock: systemClock,
        say,
        signal: ending.signal,
      });
    } finally {
      clearTimeout(late);
      await installed.remove();
    }
  } finally {
    account.close();
  }
}

/** Runs the package as its user would, whose terminal shows what it says. */
async function imgcls(bin: string, cwd: string, args: readonly string[], signal: AbortSignal): Promise<Run> {
  if (args[0] !== 'status') say(`$ imgcls ${args.join(' ')}`);
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('IMGCLS_'));
  // In a process group of its own: Ctrl-C is for the story, which ends its commands and then cleans up.
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
  const forget = onAbort(signal, () => {
    child.kill('SIGTERM');
    force = setTimeout(() => child.kill('SIGKILL'), PARTING_MS);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  forget();
  clearTimeout(force);
  return { code, stdout };
}
