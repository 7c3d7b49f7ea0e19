/**
 * Installs the servers of `npm run test:servers` from package registries into the user's cache, where they stay.
 *
 *     npm run install:servers
 *
 * It needs python3 with venv, Maven and a JRE.
 */
import { installOnce } from '../installed.ts';
import { homeOf, isInstalled, SERVERS } from './servers.ts';

for (const server of SERVERS) {
  if (server.install === undefined || isInstalled(server)) continue;
  const startMs = performance.now();
  await installOnce(homeOf(server), server.install);
  const seconds = (performance.now() - startMs) / 1_000;
  console.log(`Installed ${server.name} ${server.version} in ${seconds.toFixed(0)} s.`);
}
