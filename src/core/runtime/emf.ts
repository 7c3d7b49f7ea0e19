/** CloudWatch's embedded metric format: one line of JSON in the log, of which CloudWatch Logs makes metrics. */
import { type Meter, type MetricName, metrics } from './metrics.ts';

const NAMESPACE = 'imgcls';
/** The format takes no more values of one metric in a line. */
const MAX_VALUES = 100;
/** Every value of a dimension is a metric of its own, and costs money: further ones are told together. */
const MAX_DIMENSION_VALUES = 20;
const FURTHER = 'other';

/** What was recorded of one metric, for one value of its dimension. */
interface Series {
  name: MetricName;
  of: string | undefined;
  values: number[];
}

export interface EmfOptions {
  cluster: string;
  /** Further members of each line: not for metrics, but for whoever searches the log. */
  properties: Readonly<Record<string, string>>;
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  write(line: string): void;
}

/**
 * Collects figures and reports them as lines of embedded metric format. It holds at most {@link MAX_VALUES} values of a
 * metric and reports by itself when it has as many, so that nothing is left out and memory is bounded.
 */
export class EmfMeter implements Meter {
  readonly #options: EmfOptions;
  readonly #dimensionValues = new Map<string, Set<string>>();
  #series = new Map<string, Series>();

  constructor(options: EmfOptions) {
    this.#options = options;
  }

  record(name: MetricName, value: number, of?: string): void {
    const { kind, ...metric } = metrics[name];
    const told = 'dimension' in metric ? this.#bounded(metric.dimension, of) : undefined;
    const key = `${name} ${told}`;
    const known = this.#series.get(key) ?? { name, of: told, values: [] };
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

  #bounded(dimension: string, value: string = FURTHER): string {
    const known = this.#dimensionValues.get(dimension) ?? new Set();
    this.#dimensionValues.set(dimension, known);
    if (known.size < MAX_DIMENSION_VALUES) known.add(value);
    return known.has(value) ? value : FURTHER;
  }
}

/** Series that share their dimension and its value go into one line. */
const groupOf = ({ name, of }: Series): string => `${dimensionOf(name)} ${of}`;

function dimensionOf(name: MetricName): string | undefined {
  const metric = metrics[name];
  return 'dimension' in metric ? metric.dimension : undefined;
}

/** One line: each metric by cluster, and by its own dimension besides. @param group of one dimension and value. */
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
    ...(dimension !== undefined && { [dimension]: first?.of }),
    ...Object.fromEntries(group.map(({ name, values }) => [name, values.map(rounded)])),
  };
}

/** Lines are paid for by their length. */
const rounded = (value: number): number => Number(value.toPrecision(6));
