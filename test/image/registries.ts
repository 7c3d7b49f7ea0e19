// Finds the package registries of this machine, so that the test's machines use the same ones.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Path in the test's machines of the certificates by which this machine trusts the registries. */
const CERTIFICATES = '/etc/registry-certificates.pem';
const PROXIES = /^(https?|no)_proxy$/i;

export interface Registries {
  /** The Debian mirror, for debootstrap. */
  debian: { mirror: string; suite: string };
  env: Record<string, string>;
  /** Files of this machine, and their paths in the test's machines. */
  files: { from: string; to: string }[];
}

export async function findRegistries(): Promise<Registries> {
  const registry = await npmSetting('registry');
  const certificates = (await npmSetting('cafile')) ?? process.env.NODE_EXTRA_CA_CERTS;
  const proxies = Object.entries(process.env).filter(([name]) => PROXIES.test(name)) as [string, string][];
  const npmrc = path.join(homedir(), '.npmrc');
  return {
    debian: await findDebian(),
    env: {
      ...Object.fromEntries(proxies),
      ...(registry !== undefined && { npm_config_registry: registry }),
      ...(certificates !== undefined && {
        npm_config_cafile: CERTIFICATES,
        NODE_EXTRA_CA_CERTS: CERTIFICATES,
      }),
    },
    files: [
      ...(certificates === undefined ? [] : [{ from: certificates, to: CERTIFICATES }]),
      ...(existsSync(npmrc) ? [{ from: npmrc, to: '/root/.npmrc' }] : []),
    ],
  };
}

async function npmSetting(name: string): Promise<string | undefined> {
  const { stdout } = await run('npm', ['config', 'get', name]);
  return ['null', 'undefined', ''].includes(stdout.trim()) ? undefined : stdout.trim();
}

/** The mirror that apt installs from. */
async function findDebian(): Promise<Registries['debian']> {
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)';
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const found = stdout.split('\n').map((line) => line.split(' '));
  const [mirror, suite] =
    found.find(([, name, , origin]) => origin === 'Debian' && !name?.includes('-')) ?? [];
  if (mirror === undefined || suite === undefined)
    throw new Error('apt has no Debian mirror. Run apt-get update.');
  return { mirror, suite };
}
