/**
 * The container image of deploy/container, built by buildah, which needs no daemon. Its base is a clean Debian with Node, as
 * registries of images cannot be reached from everywhere.
 */
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { repository } from '../e2e/package.ts';
import type { DebianRoot } from './debian-root.ts';

const CONTAINER = path.join(repository, 'deploy/container');
const BASE = 'imgcls-base';
const IMAGE = 'imgcls';
/** The folders that a container may write to. */
const WRITABLE = ['/var/lib/imgcls', '/tmp'];

interface Config {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  Healthcheck: { Test: string[] };
}

/** Runs a program in the image's files, which cannot be changed, as a user without rights. */
const RUN = `
root=$1 user=$2 group=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for each in ${WRITABLE.join(' ')}; do
  mount --bind "$1" "$root$each"; shift
done
exec chroot "$root" setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs --bounding-set=-all "$@"
`;

export class ContainerImage {
  readonly config: Config;
  /** Its files, without the volumes of a container. */
  readonly folder: string;

  private constructor(folder: string, config: Config) {
    this.folder = folder;
    this.config = config;
  }

  /** @param store an empty folder for what buildah makes. */
  static async build(debian: DebianRoot, store: string): Promise<ContainerImage> {
    const places = ['--root', path.join(store, 'root'), '--runroot', path.join(store, 'run')];
    const buildah = async (...args: string[]) =>
      (await debian.run(['buildah', ...places, '--storage-driver', 'vfs', ...args])).trim();
    const base = await buildah('from', 'scratch');
    const npm = await promisify(execFile)('sh', [
      '-c',
      'dirname "$(dirname "$(realpath "$(command -v npm)")")"',
    ]);
    await buildah('add', '-q', base, debian.folder, '/');
    await buildah('add', '-q', base, process.execPath, '/usr/local/bin/node');
    await buildah('add', '-q', base, npm.stdout.trim(), '/usr/local/lib/node_modules/npm');
    const link = ['ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', '/usr/local/bin/npm'];
    await buildah('run', '--isolation', 'chroot', base, '--', ...link);
    for (const [name, value] of Object.entries(debian.environment))
      await buildah('config', '--env', `${name}=${value}`, base);
    await buildah('commit', '-q', '--rm', base, BASE);

    const file = path.join(CONTAINER, 'Containerfile');
    const from = /^FROM (?!--)(\S+)$/m.exec(await readFile(file, 'utf8'))?.[1];
    const context = ['--build-context', `${from}=container-image://localhost/${BASE}`];
    const ignore = ['--ignorefile', `${file}.dockerignore`];
    const build = ['build', '-q', '--isolation', 'chroot', '--format', 'docker', ...context, ...ignore];
    await buildah(...build, '-f', file, '-t', IMAGE, repository);
    const folder = await buildah('mount', await buildah('from', '--pull-never', IMAGE));
    const inspected = JSON.parse(await buildah('inspect', '--type', 'image', IMAGE));
    return new ContainerImage(folder, inspected.Docker.config);
  }

  /**
   * Starts a program in a container whose root is read-only.
   * @param volumes folders of the host for the data folder and /tmp.
   */
  start(program: readonly string[], volumes: readonly string[], env: readonly string[] = []) {
    const [user = '', group = ''] = this.config.User.split(':');
    const inside = ['env', '-i', ...this.config.Env, ...env, ...program];
    const args = ['--mount', 'sh', '-ec', RUN, 'sh', this.folder, user, group, ...volumes, ...inside];
    return spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
