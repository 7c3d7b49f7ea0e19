import { mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeSettingsFile } from '../../../src/app/settings-file.ts';
import { clusterSettings, withCluster, withoutCluster } from '../../../src/deploy/cluster-settings.ts';

const stack = {
  id: 'id',
  name: 'imgcls-test',
  status: 'CREATE_COMPLETE',
  parameters: { Model: 'resnet50', MaxWorkers: '7', SubnetIds: 'subnet-a,subnet-b' },
  outputs: { InputBucket: 'in', OutputBucket: 'out', LaunchTemplateId: 'lt-1' },
};
const written = {
  cloud: 'aws',
  cluster: 'test',
  inputBucket: 'in',
  outputBucket: 'out',
  model: 'resnet50',
  max: 7,
  subnets: ['subnet-a', 'subnet-b'],
  launchTemplate: 'lt-1:$Latest',
};

describe('the settings of a cluster', () => {
  it('come from its stack', () => {
    expect(clusterSettings('test', stack)).toEqual(written);
  });

  it('of an Auto Scaling group name the group, and nothing that the group itself decides', () => {
    const outputs = { ...stack.outputs, AutoScalingGroupName: 'imgcls-test' };
    const settings = clusterSettings('test', { ...stack, outputs });
    expect(settings).toMatchObject({ fleet: 'asg', autoScalingGroup: 'imgcls-test' });
    expect(settings).not.toHaveProperty('launchTemplate');
    expect(settings).not.toHaveProperty('subnets');
  });

  it('need the bucket names among the outputs', () => {
    expect(() => clusterSettings('test', { ...stack, outputs: {} })).toThrow(/no outputs InputBucket/);
  });

  it('replace those of another cluster, and leave the rest alone', () => {
    const before = { topK: 3, cluster: 'old', fleet: 'asg', autoScalingGroup: 'old', min: 1 };
    expect(withCluster(before, written)).toEqual({ topK: 3, min: 1, ...written });
  });

  it('are removed with it, but not those of another cluster', () => {
    expect(withoutCluster({ topK: 3, ...written }, written)).toEqual({ topK: 3 });
    expect(withoutCluster({ ...written, inputBucket: 'other' }, written)).toBeUndefined();
    expect(withoutCluster({ topK: 3 }, { inputBucket: undefined })).toBeUndefined();
  });
});

describe('a settings file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'imgcls-settings-')));
    file = path.join(folder, 'config', 'imgcls.config.json');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const read = async (place = file) => JSON.parse(await readFile(place, 'utf8'));
  const set = (values: object) => () => ({ ...values });

  it('is written atomically, with its folder and without temporary files', async () => {
    expect(await changeSettingsFile(file, set({ a: 1 }))).toBe(true);
    expect(await read()).toEqual({ a: 1 });
    expect(await changeSettingsFile(file, (values) => ({ ...values, b: 2 }))).toBe(true);
    expect(await read()).toEqual({ a: 1, b: 2 });
    expect(await readdir(path.dirname(file))).toEqual(['imgcls.config.json']);
  });

  it('is left alone when nothing changes, and deleted when no settings remain', async () => {
    await changeSettingsFile(file, set({ a: 1 }));
    expect(await changeSettingsFile(file, set({ a: 1 }))).toBe(false);
    expect(await changeSettingsFile(file, () => undefined)).toBe(false);
    expect(await changeSettingsFile(file, set({}))).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual([]);
  });

  it('that is a link stays a link', async () => {
    const real = path.join(folder, 'real.json');
    const link = path.join(folder, 'link.json');
    await writeFile(real, '{}');
    await symlink(real, link);
    await changeSettingsFile(link, set({ a: 1 }));
    expect(await read(real)).toEqual({ a: 1 });
    expect(await realpath(link)).toBe(real);
  });

  it('that is not valid is not overwritten', async () => {
    const broken = path.join(folder, 'broken.json');
    await writeFile(broken, '{ "topK": ');
    await expect(changeSettingsFile(broken, set({ a: 1 }))).rejects.toThrow(/Cannot read .*broken\.json/);
    expect(await readFile(broken, 'utf8')).toBe('{ "topK": ');
    await writeFile(broken, '[]');
    await expect(changeSettingsFile(broken, set({ a: 1 }))).rejects.toThrow(/must contain a JSON object/);
  });

  it('that cannot be written is named in the error', async () => {
    await writeFile(path.join(folder, 'config'), 'no folder');
    await expect(changeSettingsFile(file, set({ a: 1 }))).rejects.toMatchObject({
      message: expect.stringContaining(file),
      kind: 'config',
    });
  });
});
