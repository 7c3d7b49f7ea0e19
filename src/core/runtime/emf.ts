/** CloudWatch's embedded metric format: lines of JSON in the log, which CloudWatch Logs turns into metrics. */
import { type Meter, type MetricName, metrics } from './metrics.ts';

const NAMESPACE = 'imgcls';
/** Limit of the format: values of one metric in a line. */
const MAX_VALUES = 100;
/** Each value of a dimension is a metric of its own and costs money. Values above this number are combined. */
const MAX_DIMENSION_VALUES = 20;
const OTHER = 'other';

/** The recorded values of one metric for one value of its dimension. */
interface Series {
  name: MetricName;
  dimensionValue: string | undefined;
  values: number[];
}

export interface EmfOptions {
  cluster: string;
  /** Further fields of each line, for searching the log. They are not metrics. */
  properties: Readonly<Record<string, string>>;
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  write(line: string): void;
}

/**
 * Collects metrics and writes them as lines of embedded metric format. It flushes by itself at {@link MAX_VALUES} values
 * of a metric, so it loses none and its memory is bounded.
 */
export class EmfMeter implements Meter {
  readonly #options: EmfOptions;
  readonly #dimensionValues = new Map<string, Set<string>>();
  #series = new Map<string, Series>();

  constructor(options: EmfOptions) {
    this.#options = options;
  }

  record(name: MetricName, value: number, dimensionValue?: string): void {
    const { kind, ...metric } = metrics[name];
    const bounded = 'dimension' in metric ? this.#bounded(metric.dimension, dimensionValue) : undefined;
    const key = `${name} ${bounded}`;
    const known = this.#series.get(key) ?? { name, dimensionValue: bounded, values: [] };
    this.#series.set(key, known);
    if (kind === 'sum') known.values = [(known.values[0] ?? 0) + value];
    else known.values.push(value);
    if (known.values.length === MAX_VALUES) this.flush();
  }

  flush(): void {
    const { cluster, properties, nowMs, write } = this.#options;
    const series = [...this.#series.values()];
    this.#series = new Map();
    for (const group of Map.groupBy(series, groupOf).values())
      write(JSON.stringify(emfDocument(group, { cluster, properties, atMs: nowMs() })));
  }

  #bounded(dimension: string, value: string = OTHER): string {
    const known = this.#dimensionValues.get(dimension) ?? new Set();
    this.#dimensionValues.set(dimension, known);
    if (known.size < MAX_DIMENSION_VALUES) known.add(value);
    return known.has(value) ? value : OTHER;
  }
}

/** Series with the same dimension and value go into one line. */
const groupOf = ({ name, dimensionValue }: Series): string => `${dimensionOf(name)} ${dimensionValue}`;

function dimensionOf(name: MetricName): string | undefined {
  const metric = metrics[name];
  return 'dimension' in metric ? metric.dimension : undefined;
}

/** One line: each metric by cluster, and by cluster and its own dimension. @param group series of one dimension and value. */
function emfDocument(
  group: readonly Series[],
  { cluster, properties, atMs }: { cluster: string; properties: EmfOptions['properties']; atMs: number },
): object {
  const [first] = group;
  const dimension = first && dimensionOf(first.name);
  return {
    _aws: {
      Timestamp: atMs,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [['Cluster'], ...(dimension === undefined ? [] : [['Cluster', dimension]])],
          Metrics: group.map(({ name }) => ({ Name: name, Unit: metrics[name].unit })),
        },
      ],
    },
    time: new Date(atMs).toISOString(),
    ...properties,
    Cluster: cluster,
    ...(dimension !== undefined && { [dimension]: first?.dimensionValue }),
    ...Object.fromEntries(group.map(({ name, values }) => [name, values.map(rounded)])),
  };
}

/** AWS charges for lines by their length. */
const rounded = (value: number): number => Number(value.toPrecision(6));
