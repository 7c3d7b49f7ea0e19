import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonOf } from '../../contract/python.ts';
import { type InstalledPackage, installPackage } from '../package.ts';
import { type Service, startService } from './up.ts';

const run = promisify(execFile);

let installed: InstalledPackage;
let service: Service;
beforeAll(async () => {
  installed = await installPackage();
  service = await startService(installed.bin, await installed.dataDir(), ['up'], {
    IMGCLS_REQUESTS_PER_MINUTE: '10000000',
  });
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
});

describe('the OpenAPI document', () => {
  it('is what the service does: no answer that it does not tell of, whatever is asked (schemathesis, all checks)', async () => {
    const python = await pythonOf(path.join(import.meta.dirname, 'requirements.txt'));
    // Its own script names the folder in which the environment was made, from which it has moved.
    const schemathesis = ['-c', 'from schemathesis.cli import schemathesis; schemathesis()'];
    const args = [
      ...schemathesis,
      '--config-file',
      path.join(import.meta.dirname, 'schemathesis.toml'),
      'run',
    ];
    const { stdout } = await run(
      python,
      [
        ...args,
        `${service.url}/openapi.json`,
        '--checks',
        'all',
        '--max-examples',
        '30',
        '--request-timeout',
        '15',
      ],
      { cwd: await installed.dataDir(), maxBuffer: 16 * 1024 * 1024 },
    ).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`schemathesis found:\n${error.stdout.slice(0, 8000)}\n${error.stderr}`);
    });
    expect(stdout).toMatch(/No issues found|passed/i);
    console.info(stdout.slice(stdout.indexOf('SUMMARY')));
  });

  it('has a reference to read', async () => {
    const answer = await fetch(`${service.url}/docs`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/swagger-ui/);
  });
});
