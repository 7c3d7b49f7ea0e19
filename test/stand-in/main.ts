/**
 * Starts an AWS account that is none, prints the environment in which the commands of docs/aws.md use it, and keeps it until
 * it is interrupted: npm run stand-in
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repository } from '../e2e/package.ts';
import { startStandInAccount } from './account.ts';

console.warn('Starting, which takes up to two minutes. The first time downloads moto.');
const account = await startStandInAccount(path.join(repository, 'bin/imgcls.js'));
if (account === undefined) process.exit(1);
// "imgcls deploy" writes the cluster into the settings file of the user, whose own one must not name the stand-in.
const settings = await mkdtemp(path.join(tmpdir(), 'imgcls-settings-'));
const lines = Object.entries({ ...account.environment, XDG_CONFIG_HOME: settings }).map(
  ([name, value]) => `export ${name}='${value}'`,
);
process.stdout.write(`${lines.join('\n')}\n`);
console.warn('Ready. Set these variables in a second shell. Ctrl-C ends the account and all that is in it.');
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await account.close();
await rm(settings, { recursive: true });
