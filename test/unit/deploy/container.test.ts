/** Checks that the compose file matches the program and its image. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentSource, resolveSettings } from '../../../src/core/settings/settings.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const containerfile = readFileSync(path.join(ROOT, 'deploy/container/Containerfile'), 'utf8');
const { services, volumes } = parse(readFileSync(path.join(ROOT, 'compose.yaml'), 'utf8'));
const { imgcls: service } = services;

describe('the compose file', () => {
  it('runs everything on one machine, from the image of every role', () => {
    expect(service.build).toEqual({ context: '.', dockerfile: 'deploy/container/Containerfile' });
    expect(service.command[0]).toBe('up');
  });

  it('publishes the port of the program to this machine only, as it asks for no token', () => {
    const { port } = resolveSettings([environmentSource({})]).settings;
    expect(service.command).toContain('--insecure');
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
