/** Checks that the compose file of deploy/container matches the program and its image. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  environmentName,
  environmentSource,
  resolveSettings,
  settingNames,
} from '../../../src/core/settings/settings.ts';

const FOLDER = path.join(import.meta.dirname, '../../../deploy/container');
const containerfile = readFileSync(path.join(FOLDER, 'Containerfile'), 'utf8');
const { services, volumes } = parse(readFileSync(path.join(FOLDER, 'compose.yaml'), 'utf8'));
const { imgcls: service } = services;

describe('the compose file', () => {
  it('runs everything on one machine, from the image beside it', () => {
    expect(path.join(FOLDER, service.build.context, service.build.dockerfile)).toBe(
      path.join(FOLDER, 'Containerfile'),
    );
    expect(service.command[0]).toBe('up');
  });

  it('has known settings, and a token from the outside', () => {
    const names = Object.keys(service.environment);
    expect(settingNames.map(environmentName)).toEqual(expect.arrayContaining(names));
    expect(service.environment.IMGCLS_TOKEN).toMatch(/^\$\{IMGCLS_TOKEN:\?/);
  });

  it('publishes the port of the program to this machine only', () => {
    const { port } = resolveSettings([environmentSource({})]).settings;
    expect(service.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(containerfile).toContain(`EXPOSE ${port}\n`);
  });

  it('gives the least privileges, and lets it write to the data folder and to /tmp', () => {
    const home = /IMGCLS_DATA_DIR=(\S+)/.exec(containerfile)?.[1];
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      tmpfs: [expect.stringMatching(/^\/tmp:/)],
    });
    const writable = service.volumes.filter((volume: string) => !volume.endsWith(':ro'));
    expect(writable).toEqual([`data:${home}`]);
    expect(volumes).toHaveProperty('data');
  });
});
