// Measures a look of the controller at a large fleet, and how many idle workers it retires in one tick: the program's own controller,
// fleet driver and SDK clients, over S3, SQS and EC2 of which each response takes 25 ms.
//
//     npm run bench:look -- [--workers 10000] [--looks 6]
//
// Prints the wall time and the processor time of each tick, the requests that it made, and the peak of the process's memory.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openController } from '../src/app/open-controller.ts';
import { loadSettings } from '../src/app/settings.ts';
import { systemClock } from '../src/app/system-clock.ts';
import { createEc2Client } from '../src/aws/clients.ts';
import { createAwsCloud } from '../src/aws/cloud.ts';
import { createEc2 } from '../src/aws/ec2.ts';
import { CONTROLLER_TIMING } from '../src/core/fleet/controller-timing.ts';
import { noLog } from '../src/core/runtime/log.ts';
import { isUnknown } from '../src/core/runtime/unknown.ts';
import { createEc2Fleet } from '../src/scaler/drivers/ec2.ts';
import type { LockKeeper } from '../src/scaler/lock.ts';
import { askedOf, startSlowAws } from './slow-aws.ts';

const { values: flags } = parseArgs({
  options: { workers: { type: 'string', default: '10000' }, looks: { type: 'string', default: '6' } },
});
const workers = Number(flags.workers);
const TICK_MS = 5000;
const HOUR_MS = 3_600_000;

const server = await startSlowAws(String(workers));

const cloud = createAwsCloud({ cluster: 'bench', inputBucket: 'input', outputBucket: 'output' });
const driver = createEc2Fleet({
  ec2: createEc2(createEc2Client()),
  cluster: 'bench',
  template: 'workers',
  pools: [{}],
  onDemandPercentage: 100,
  warm: 0,
  maxLifetimeMs: 24 * HOUR_MS,
  priceOf: () => 0.09,
  types: ['c7i.large'],
  clock: systemClock,
});
const controller = openController({
  cloud,
  settings: loadSettings({ forecast: 'off' }).settings,
  policy: {
    policy: 'backlog',
    min: 0,
    max: workers,
    maxLaunchPerTick: 100,
    cooldownMs: 0,
    targetMs: 60_000,
    billingMinimumMs: 60_000,
    idleMs: undefined,
    hourlyUsd: 0.09,
    maxHourlyCostUsd: undefined,
    maxJobCostUsd: undefined,
  },
  timing: CONTROLLER_TIMING.aws,
  lock: { epoch: 1, isInherited: false } as LockKeeper,
  holder: 'bench',
  fleet: { driver, name: 'ec2' },
  log: noLog,
});

for (let look = 1; look <= Number(flags.looks); look++) {
  await tick(`look ${look}`);
  await sleep(TICK_MS);
}
server.send({ idle: workers });
for (let look = 1; look <= 3; look++) {
  await tick(`idle ${look}`);
  await sleep(TICK_MS);
}
const { maxRSS } = process.resourceUsage();
console.log(`peak of the controller's memory: ${Math.round(maxRSS / 1024)} MB`);
server.disconnect();
await cloud.close();

async function tick(name: string): Promise<void> {
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const done = await controller.tick();
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  const asked = await askedOf(server);
  const requests = Object.entries(asked.requests).map(([kind, count]) => `${count} ${kind}`);
  console.log(
    `${name}: ${(ms / 1000).toFixed(2)} s, ${((user + system) / 1e6).toFixed(2)} s of a processor, ${done?.decision.retire.length ?? 0} chosen to retire, ${asked.terminated} terminated so far, at most ${asked.mostAtOnce} requests at once: ${requests.join(', ')}`,
  );
  const statuses = done?.observation.statuses;
  if (statuses !== undefined && isUnknown(statuses)) console.log(`  unknown: ${statuses.unknown}`);
  for (const warning of done?.report.warnings ?? []) console.log(`  ${warning}`);
}
