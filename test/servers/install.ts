/**
 * Installs the servers of `npm run test:servers` from package registries into the user's cache, where they stay.
 *
 *     npm run install:servers
 *
 * It needs python3 with venv, Maven and a JRE.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { homeOf, isInstalled, SERVERS } from './servers.ts';

for (const server of SERVERS) {
  if (server.install === undefined || isInstalled(server)) continue;
  const home = homeOf(server);
  const draft = `${home}.draft`;
  const startMs = performance.now();
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  await server.install(draft);
  await rename(draft, home);
  const seconds = (performance.now() - startMs) / 1_000;
  console.log(`Installed ${server.name} ${server.version} in ${seconds.toFixed(0)} s.`);
}
