/** Checks that the manifests of deploy/kubernetes match the program, its image and one another. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { MAX_BATCH } from '../../../src/core/job/batches.ts';
import { interactiveQueueName, requestQueueName } from '../../../src/core/job/keys.ts';
import {
  environmentName,
  environmentSource,
  resolveSettings,
  settingNames,
} from '../../../src/core/settings/settings.ts';
import { DRAIN_MS } from '../../../src/scaler/drivers/process.ts';
import { IMAGES_PER_RUNNER } from '../../../src/worker/worker.ts';
import { FOLDER, find, manifests, type PodSpec, podOf } from '../../contract/kubernetes/manifests.ts';

const pods = ['imgcls-worker', 'imgcls-upkeep'];
const podNamed = (name: string): PodSpec => podOf(find('Deployment', name));
const worker = podNamed('imgcls-worker');
const scaling = find('ScaledObject', 'imgcls-worker').spec;
const containerfile = readFileSync(path.join(FOLDER, '../container/Containerfile'), 'utf8');

/** The environment of its container. */
function environmentOf({ containers: [container] }: PodSpec): Record<string, string> {
  const shared = container.envFrom.map(({ configMapRef }) => find('ConfigMap', configMapRef.name).data);
  return Object.assign(
    {},
    ...shared,
    Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
  );
}

describe.each(pods)('a pod of %s', (name) => {
  const pod = podNamed(name);
  const [container] = pod.containers;

  it('has valid and complete settings', () => {
    const environment = environmentOf(pod);
    const known = settingNames.map(environmentName);
    const ours = Object.keys(environment).filter((each) => each.startsWith('IMGCLS_'));
    expect(known).toEqual(expect.arrayContaining(ours));
    expect(resolveSettings([environmentSource(environment)]).settings.cloud).toBe('aws');
  });

  it('has the least privileges', () => {
    const { user = '', group = '' } = /^USER (?<user>\d+):(?<group>\d+)$/m.exec(containerfile)?.groups ?? {};
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(user),
      runAsGroup: Number(group),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(Number(user)).toBeGreaterThan(0);
    expect(environmentOf(pod).AWS_EC2_METADATA_DISABLED).toBe('true');
  });

  it('runs this version, as an existing identity', () => {
    expect(container.image).toMatch(new RegExp(`/imgcls:${packageJson.version}$`));
    expect(find('ServiceAccount', pod.serviceAccountName).metadata.namespace).toBe('imgcls');
  });
});

describe('workers of Kubernetes', () => {
  it('have a model runner for each CPU, and time to drain', () => {
    const [container] = worker.containers;
    expect(environmentOf(worker).IMGCLS_RUNNERS).toBe(container.resources.requests.cpu);
    expect(1000 * worker.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(DRAIN_MS);
  });

  it('scale with the backlog of the two queues of their cluster, down to none', () => {
    const {
      IMGCLS_CLUSTER: cluster = '',
      IMGCLS_RUNNERS: runners,
      AWS_REGION: region,
    } = environmentOf(worker);
    expect(scaling?.scaleTargetRef?.name).toBe(find('Deployment', 'imgcls-worker').metadata.name);
    expect(scaling?.minReplicaCount).toBe(0);
    const [requests, interactive] = scaling?.triggers ?? [];
    const queueOf = (trigger: typeof requests) => trigger?.metadata.queueURL?.split('/').at(-1);
    expect(queueOf(requests)).toBe(requestQueueName(cluster));
    expect(queueOf(interactive)).toBe(interactiveQueueName(cluster));
    expect(Number(requests?.metadata.queueLength)).toBe(
      1 + Math.ceil((IMAGES_PER_RUNNER * Number(runners)) / MAX_BATCH),
    );
    for (const { metadata, authenticationRef } of scaling?.triggers ?? []) {
      expect(metadata).toMatchObject({ awsRegion: region, scaleOnInFlight: 'true' });
      expect(find('TriggerAuthentication', authenticationRef.name).spec?.podIdentity?.provider).toBe('aws');
    }
  });

  it('are all in one namespace', () => {
    const namespaces = manifests.map(({ kind, metadata }) =>
      kind === 'Namespace' ? metadata.name : metadata.namespace,
    );
    expect(new Set(namespaces)).toEqual(new Set(['imgcls']));
  });
});
