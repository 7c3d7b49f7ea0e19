/**
 * A clean Debian in a private folder, which can be booted as a machine. One process holds the namespaces of its mounts and its
 * network, so they disappear when that process ends, also after a crash of the test.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { hasTool } from '../integration/tools.ts';
import { findRegistries, type Registries } from './registries.ts';

const TOOLS = { debootstrap: 'debootstrap', 'systemd-nspawn': 'systemd-container', ip: 'iproute2' };
const PACKAGES = ['systemd', 'systemd-sysv', 'ca-certificates', 'curl'];

/** The address of the EC2 instance metadata service. */
export const METADATA_HOST = '169.254.169.254';

const HOLD = `
mount -t tmpfs -o size=4g,mode=0755 tmpfs "$1"
ip link set lo up
ip address add "$2/32" dev lo
echo ready
exec cat
`;
/** Runs without systemd-machined, and lets programs confine themselves as on a machine. */
const NSPAWN = [
  'systemd-nspawn',
  '--quiet',
  '--register=no',
  '--keep-unit',
  '--console=pipe',
  '--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self',
];

/** @throws in CI without root, where the suite must not be skipped. */
export function canMakeMachines(): boolean {
  const hasTools = Object.entries(TOOLS).map(([program, debianPackage]) => hasTool(program, debianPackage));
  if (process.getuid?.() === 0) return hasTools.every((has) => has);
  if (process.env.CI) throw new Error('The image tests need root.');
  console.warn('SKIPPED. The image tests need root.');
  return false;
}

export class DebianRoot {
  /** Its mount point within the mount namespace. */
  readonly folder: string;
  readonly #holder: ChildProcess;
  readonly #registries: Registries;

  private constructor(folder: string, holder: ChildProcess, registries: Registries) {
    this.folder = folder;
    this.#holder = holder;
    this.#registries = registries;
  }

  static async make(): Promise<DebianRoot> {
    const registries = await findRegistries();
    const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-root-'));
    const hold = ['--mount', '--net', '--', 'sh', '-ec', HOLD, 'sh', folder, METADATA_HOST];
    const holder = spawn('unshare', hold, { stdio: ['pipe', 'pipe', 'inherit'] });
    const root = new DebianRoot(folder, holder, registries);
    try {
      await once(createInterface({ input: holder.stdout }), 'line');
      await root.#install();
    } catch (error) {
      await root.close();
      throw error;
    }
    return root;
  }

  /** The environment in which its programs reach package registries. */
  get environment(): Readonly<Record<string, string>> {
    return this.#registries.env;
  }

  /** Wraps a command to run with its files or its network, a loopback device with the address of the metadata service. */
  within(namespaces: readonly ('mnt' | 'net')[], command: readonly string[]): string[] {
    const places = { mnt: 'mount', net: 'net' };
    const flags = namespaces.map((each) => `--${places[each]}=/proc/${this.#holder.pid}/ns/${each}`);
    return ['nsenter', ...flags, '--', ...command];
  }

  /** @returns the command's stdout. @throws when it fails. */
  async run(command: readonly string[]): Promise<string> {
    const [program = '', ...args] = this.within(['mnt'], command);
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  async put(from: string, to: string): Promise<void> {
    await this.run(['cp', from, path.join(this.folder, to)]);
  }

  /** Runs a program in it without booting, with this machine's network. */
  async execute(command: readonly string[]): Promise<string> {
    const settings = Object.entries(this.#registries.env).map(([name, value]) => `--setenv=${name}=${value}`);
    const place = ['--as-pid2', '--resolv-conf=replace-host', ...settings, '-D', this.folder];
    return await this.run([...NSPAWN, ...place, ...command]);
  }

  /** Boots it in its own network. The process ends when the machine powers off. */
  boot(): ChildProcess {
    const command = [...NSPAWN, '--resolv-conf=off', '-D', this.folder, '--boot'];
    const [program = '', ...args] = this.within(['mnt', 'net'], command);
    return spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  async close(): Promise<void> {
    this.#holder.stdin?.end();
    if (this.#holder.exitCode === null) await once(this.#holder, 'exit');
    await rmdir(this.folder);
  }

  async #install(): Promise<void> {
    const { debian, files } = this.#registries;
    const include = `--include=${PACKAGES.join(',')}`;
    await this.run(['debootstrap', '--variant=minbase', include, debian.suite, this.folder, debian.mirror]);
    for (const { from, to } of files) await this.put(from, to);
  }
}
