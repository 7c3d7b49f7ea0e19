/** The manifests of deploy/kubernetes against the schemas of Kubernetes and KEDA. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type Keda, readKeda } from './kubernetes/keda.ts';
import { find, type Manifest, manifests } from './kubernetes/manifests.ts';
import { pythonOf } from './python.ts';

const HERE = path.join(import.meta.dirname, 'kubernetes');
/** The oldest version that clouds still offer, and the newest with published schemas. */
const VERSIONS = ['1.31', '1.37'];

interface Problem {
  document: string;
  where: string;
  what: string;
}

const tools = await prepare();

/** Undefined, with a warning, if a tool is missing; in CI that is an error. */
async function prepare(): Promise<{ python: string; keda: Keda } | undefined> {
  try {
    const [python, keda] = await Promise.all([pythonOf(path.join(HERE, 'requirements.txt')), readKeda()]);
    return { python, keda };
  } catch (cause) {
    const message =
      'Tests of the Kubernetes manifests need python3 (with venv and pip), a package index and the module proxy of Go. On Debian and Ubuntu: apt-get install python3-venv.';
    if (process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
}

async function validate(documents: readonly unknown[], version: string): Promise<Problem[]> {
  const child = spawn(tools?.python ?? '', [path.join(HERE, 'validate.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify({ version, documents, custom: tools?.keda.schemas }));
  return (await json(child.stdout)) as Problem[];
}

/** A copy of a document with one value added or changed. */
function changed(manifest: Manifest, at: string, value: unknown): unknown {
  const copy = structuredClone(manifest);
  const keys = at.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce(
    (inner, key) => inner[key] as Record<string, unknown>,
    copy as never as Record<string, unknown>,
  );
  parent[last] = value;
  return copy;
}

describe.skipIf(tools === undefined)('the manifests of Kubernetes', () => {
  it.each(VERSIONS)('are valid for Kubernetes %s and KEDA, without unknown fields', async (version) => {
    expect(await validate(manifests, version)).toEqual([]);
  });

  it('would be invalid with a wrong field in any place', async () => {
    const worker = find('Deployment', 'imgcls-worker');
    const scaling = find('ScaledObject', 'imgcls-worker');
    const access = find('TriggerAuthentication', 'imgcls-queues');
    const wrong = [
      changed(worker, 'spec.template.spec.terminationGracePeriod', 1),
      changed(worker, 'spec.template.spec.containers.0.securityContext.readOnlyRootFileSystem', true),
      changed(worker, 'spec.template.spec.terminationGracePeriodSeconds', 'long'),
      changed(find('NetworkPolicy', 'no-ingress'), 'spec.policyType', ['Ingress']),
      changed(scaling, 'spec.minReplicas', 0),
      changed(scaling, 'spec.maxReplicaCount', 'many'),
      changed(scaling, 'spec.triggers.0.metadata.queueLength', 6),
      changed(scaling, 'spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.window', 60),
      changed(access, 'spec.podIdentity.provider', 'aws-sso'),
      changed(access, 'apiVersion', 'keda.sh/v1'),
    ];
    const found = await validate(wrong, VERSIONS[0] ?? '');
    expect(found.map(({ document }) => document)).toEqual(
      wrong.map((each) => `${(each as Manifest).kind} ${(each as Manifest).metadata.name}`),
    );
  });

  it('give the SQS scaler only metadata that it knows', () => {
    const known = tools?.keda.sqsMetadata ?? [];
    expect(known).toEqual(expect.arrayContaining(['queueURL', 'queueLength', 'scaleOnInFlight']));
    for (const { type, metadata } of find('ScaledObject', 'imgcls-worker').spec?.triggers ?? []) {
      expect(type).toBe('aws-sqs-queue');
      expect(known).toEqual(expect.arrayContaining(Object.keys(metadata)));
    }
  });
});
