import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

/** The release of the definitions, and its checksum in Go's checksum database. */
const MODULE = 'github.com/kedacore/keda/v2';
const VERSION = 'v2.21.0';
const SUM = 'h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=';
const KINDS = ['scaledobjects', 'triggerauthentications'];

interface Schema {
  [key: string]: unknown;
  properties?: Record<string, Schema>;
}

export interface Keda {
  /** By API version and kind. */
  schemas: Record<string, Schema>;
  /** The allowed metadata names of an `aws-sqs-queue` trigger. */
  sqsMetadata: string[];
}

/** KEDA's own definitions, from Go's module proxy. @throws without Go or the proxy. */
export async function readKeda(): Promise<Keda> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], {
    // Outside any module, and without a developer's own flags.
    cwd: tmpdir(),
    env: { ...process.env, GOFLAGS: '' },
    timeout: 120_000,
  });
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (Sum !== SUM) throw new Error(`${MODULE} ${VERSION} has checksum ${Sum}; expected ${SUM}.`);
  const definitions = await Promise.all(
    KINDS.map((kind) => readFile(path.join(Dir, `config/crd/bases/keda.sh_${kind}.yaml`), 'utf8')),
  );
  const scaler = await readFile(path.join(Dir, 'pkg/scalers/aws_sqs_queue_scaler.go'), 'utf8');
  return {
    schemas: Object.fromEntries(definitions.flatMap(schemasOf)),
    sqsMetadata: [...scaler.matchAll(/keda:"name=(\w+), order=triggerMetadata/g)].flatMap(
      ([, name]) => name ?? [],
    ),
  };
}

function schemasOf(definition: string): [string, Schema][] {
  const { spec } = parse(definition) as {
    spec: {
      group: string;
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
    };
  };
  return spec.versions.map(({ name, schema }) => [
    `${spec.group}/${name} ${spec.names.kind}`,
    closed(schema.openAPIV3Schema),
  ]);
}

/** Kubernetes silently drops unknown fields. This makes them errors. */
function closed(schema: Schema): Schema {
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    typeof value === 'object' && value !== null && !Array.isArray(value) ? closed(value as Schema) : value,
  ]);
  const copy = Object.fromEntries(entries) as Schema;
  const isOpen = 'additionalProperties' in schema || 'x-kubernetes-preserve-unknown-fields' in schema;
  return isFieldList(schema) && !isOpen ? { ...copy, additionalProperties: false } : copy;
}

/** False for a field that happens to have the name "properties". */
const isFieldList = ({ type, properties }: Schema): boolean => type === 'object' && properties !== undefined;
