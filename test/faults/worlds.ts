import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Random } from '../../src/bench/random.ts';
import { CONTROLLER_TIMING } from '../../src/core/fleet/controller-timing.ts';
import { deadLetterQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../src/core/job/messages.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { type Fault, type ProxiedRequest, serviceError, startFaultProxy } from '../contract/fault-proxy.ts';
import { standInEnvironment } from '../contract/moto.ts';
import { randomFor } from './plan.ts';
import type { World } from './run.ts';

/** The embedded cloud. Waiters bring a controller, and that a worker; beside them there may be more of both. */
export const localWorld: World = {
  kind: 'local',
  async prepare({ seed, dataDir }) {
    const random = randomFor(seed, 'world');
    const beside = [['worker'], ['scale', '--max', '1']];
    return {
      env: environment(random),
      uploadFlags: [],
      helpers: beside.filter(() => random.next() < 0.7),
      mayHoldLock: (role) => role !== 'worker',
      lockTtlMs: CONTROLLER_TIMING.local.lockTtlMs,
      open: () => createLocalCloud({ dataDir, cluster: 'default' }),
      injected: () => ({}),
      close: async () => {},
    };
  },
};

/** Images one after the other, or several at once. */
const environment = (random: Random) => ({ IMGCLS_CONCURRENCY: String(1 + random.below(8)) });

/** A controller of a site whose workers something else starts. */
const MAINTAIN = ['scale', '--fleet', 'none'];

/** S3 and SQS of a moto server, behind a proxy that answers as AWS does on a bad day. */
export function motoWorld(url: string): World {
  // The SDK's clients of this process go there; those of the runs go through their proxies.
  for (const [name, value] of Object.entries(standInEnvironment(url))) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  let runs = 0;
  return {
    kind: 'moto',
    async prepare({ seed }) {
      const random = randomFor(seed, 'world');
      const hasControllers = random.next() < 0.5;
      // A seed may run more than once on one server.
      const cluster = `run-${seed}-${++runs}`;
      const buckets = { inputBucket: `${cluster}-input`, outputBucket: `${cluster}-output` };
      const open = () => createAwsCloud({ cluster, ...buckets });
      await makeCluster(cluster, Object.values(buckets), open);
      const proxy = await startFaultProxy(url);
      const storm = new Storm(random);
      proxy.inject({ of: () => storm.strikes(), times: Number.POSITIVE_INFINITY, answer: storm.answer });
      return {
        env: {
          ...environment(random),
          ...standInEnvironment(proxy.url),
          IMGCLS_CLOUD: 'aws',
          IMGCLS_CLUSTER: cluster,
          IMGCLS_INPUT_BUCKET: buckets.inputBucket,
          IMGCLS_OUTPUT_BUCKET: buckets.outputBucket,
        },
        uploadFlags: ['--model', 'efficientnet-lite0'],
        helpers: [['worker'], ['worker'], ...(hasControllers ? [MAINTAIN, MAINTAIN] : [])],
        mayHoldLock: (role) => role === 'scale',
        lockTtlMs: CONTROLLER_TIMING.aws.lockTtlMs,
        open,
        injected: () => storm.counts,
        close: () => proxy.close(),
      };
    },
  };
}

async function makeCluster(
  cluster: string,
  buckets: string[],
  open: () => ReturnType<typeof createAwsCloud>,
) {
  const s3 = createS3Client();
  for (const Bucket of buckets) await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const cloud = open();
  await cloud.queues.create(deadLetterQueueName(cluster));
  await cloud.queues.create(requestQueueName(cluster), {
    deadLetter: { queue: deadLetterQueueName(cluster), maxReceiveCount: MAX_RECEIVE_COUNT },
  });
  await cloud.close();
}

/** So many in one run; then the weather is fair, so that every run ends. */
const MOST = 150;

/** What happens to requests on their way, and on the way back. */
class Storm {
  readonly counts: Record<string, number> = {};
  readonly #random: Random;
  readonly #chance: number;
  #faults = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#chance = 0.2 * random.next() ** 2;
  }

  strikes(): boolean {
    const isDue = this.#random.next() < this.#chance;
    return isDue && this.#faults++ < MOST;
  }

  readonly answer: Fault['answer'] = async (request, forward) => {
    const kinds: Record<string, () => Promise<Awaited<ReturnType<Fault['answer']>>>> = {
      'http-throttled': async () => serviceError(request, 503, throttled(request)),
      'http-internal-error': async () => serviceError(request, 500, internal(request)),
      'http-reset-before': async () => 'reset',
      'http-reset-after': async () => {
        await forward();
        return 'reset';
      },
      'http-half-answer': async () => {
        const reply = await forward();
        return { ...reply, cutAfter: Math.floor(reply.body.length / 2) };
      },
    };
    const names = Object.keys(kinds);
    const name = names[this.#random.below(names.length)] ?? '';
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    return (await kinds[name]?.()) ?? 'reset';
  };
}

const throttled = ({ action }: ProxiedRequest) => (action === '' ? 'SlowDown' : 'RequestThrottled');
const internal = ({ action }: ProxiedRequest) => (action === '' ? 'InternalError' : 'InternalFailure');
