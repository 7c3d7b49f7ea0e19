import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WorkerImage } from '../../../src/core/aws-account/account.ts';
import { readConsole } from '../../../src/image/builder-console.ts';
import { abandonedBuilders, imagesToRemove } from '../../../src/image/prune.ts';
import { builderUserData } from '../../../src/image/user-data.ts';

const repository = path.resolve(import.meta.dirname, '../../..');
const provision = readFileSync(path.join(repository, 'deploy/image/provision.sh'), 'utf8');

describe('the console output of a builder', () => {
  it.each([
    ['nothing', '', { steps: [] }],
    ['other things', 'Booting\nlogin: \n', { steps: [] }],
    ['its steps, twice', '[1] imgcls-provision: node\nimgcls-provision: node\r\n', { steps: ['node'] }],
    ['its end', 'x imgcls-provision: OK 0.1.0\r\n', { steps: [], end: { version: '0.1.0' } }],
    ['the failed step', 'imgcls-provision: FAILED clean-up', { steps: [], end: { failedAt: 'clean-up' } }],
  ])('has %s', (_, output, expected) => {
    expect(readConsole(output)).toEqual(expected);
  });
});

describe('images to remove', () => {
  const image = (id: string, day: number, architecture = 'x86_64'): WorkerImage => ({
    id,
    architecture,
    createdAtMs: day,
    snapshots: [],
  });
  const ids = (...args: Parameters<typeof imagesToRemove>) => imagesToRemove(...args).map((one) => one.id);

  it('are all but the newest, of each architecture by itself', () => {
    const images = [image('a', 1), image('c', 3), image('b', 2), image('arm', 0, 'arm64')];
    expect(ids(images, { keep: 1, used: new Set() })).toEqual(['b', 'a']);
    expect(ids(images, { keep: 3, used: new Set() })).toEqual([]);
  });

  it('exclude those that a launch template uses', () => {
    const images = [image('a', 1), image('b', 2), image('c', 3)];
    expect(ids(images, { keep: 1, used: new Set(['a']) })).toEqual(['b']);
  });
});

describe('abandoned builders', () => {
  it('are older than any build can take', () => {
    const hour = 3_600_000;
    const builders = [
      { id: 'old', launchedAtMs: 0 },
      { id: 'new', launchedAtMs: 9 * hour },
    ];
    expect(abandonedBuilders(builders, 10 * hour)).toEqual([builders[0]]);
  });
});

describe("the builder's script", () => {
  const sha256 = 'a'.repeat(64);
  const url = `https://b.s3.amazonaws.com/k?X-Amz-Security-Token=${'x'.repeat(1500)}&it's`;
  const source = { url, sha256 };
  const script = (over: Partial<Parameters<typeof builderUserData>[0]> = {}) =>
    builderUserData({
      provision,
      package: source,
      models: [],
      heic: false,
      limitMinutes: 40,
      ...over,
    });

  it('is valid bash and small enough for EC2, also with the longest URL', () => {
    const text = script({ models: ['resnet50', 'another'] });
    expect(execFileSync('bash', ['-n'], { input: text }).toString()).toBe('');
    expect(() => script({ models: Array(2000).fill('resnet50') })).toThrow('EC2 accepts 16384');
  });

  it('installs nothing but the package with the digest', () => {
    const lines = script().split('\n');
    const at = (words: string) => lines.findIndex((line) => line.includes(words));
    expect(lines[at('sha256sum')]).toBe(
      `echo '${sha256}  /root/imgcls.tgz' | sha256sum --check || { echo 'imgcls-provision: FAILED checksum'; exit 1; }`,
    );
    expect(at('curl --fail --silent --show-error --location')).toBeLessThan(at('sha256sum'));
    expect(at('sha256sum')).toBeLessThan(at('bash /root/provision.sh'));
  });

  it('quotes package and model names', () => {
    const words = (text: string) => {
      const line = text.split('\n').find((each) => each.startsWith('bash /root/provision.sh')) ?? '';
      return execFileSync('bash', ['-c', line.replace('bash /root/provision.sh', "printf '%s\\n'")])
        .toString()
        .trim()
        .split('\n');
    };
    expect(words(script())).toEqual(['--package', '/root/imgcls.tgz']);
    expect(words(script({ heic: true }))).toEqual(['--package', '/root/imgcls.tgz', '--heic']);
    expect(words(script({ models: ["a'; reboot #", '$(reboot)'] }))).toEqual([
      '--package',
      '/root/imgcls.tgz',
      '--model',
      "a'; reboot #",
      '--model',
      '$(reboot)',
    ]);
  });

  it('never asks a registry for imgcls by name', () => {
    expect(script()).not.toMatch(/imgcls@/);
    expect(provision).toContain('"$npm" ci --omit=dev --ignore-scripts');
    expect([...provision.matchAll(/install_from_npm "([a-z-]+)/g)].map(([, name]) => name)).toEqual([
      'node-linux-',
      'libheif-js',
    ]);
  });

  it('installs the Node version of tools/node if the system has none', () => {
    const node = JSON.parse(readFileSync(path.join(repository, 'tools/node/package.json'), 'utf8'));
    const [, version] = /^readonly NODE_VERSION=(.*)$/m.exec(provision) ?? [];
    expect(Object.values(node.optionalDependencies)).toEqual([version, version]);
  });
});
