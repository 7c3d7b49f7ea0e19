/** Results as Apache Parquet, for DuckDB, pandas, Spark and the like: the columns of CSV, with types. */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { jobTimeMs } from '../core/job/job-ids.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { csvCells, csvColumns, type Exporter, type ExportOptions } from './export.ts';

/** Rows of a row group, which is in memory until it is complete: with its encoding, about 50 MB. */
const GROUP_ROWS = 10_000;

const TEXT: Partial<SchemaElement> = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
const DOUBLE: Partial<SchemaElement> = { type: 'DOUBLE' };
/** The types of columns that are not texts. */
const TYPES: Readonly<Record<string, Partial<SchemaElement>>> = {
  index: { type: 'INT32' },
  score: DOUBLE,
  ms: DOUBLE,
  decoded_share: DOUBLE,
  category_score: DOUBLE,
  submitted_at: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
};
/** The columns that every row has. */
const REQUIRED: readonly string[] = ['index', 'name', 'job', 'submitted_at'];

export interface ParquetOptions extends ExportOptions {
  /** The job tells its rows from those of other files. */
  job: string;
  groupRows?: number;
}

/** Bytes of a file, in row groups, so that memory holds one of them. */
export function parquetExporter({
  job,
  groupRows = GROUP_ROWS,
  ...options
}: ParquetOptions): Exporter<Uint8Array> {
  const names = [...csvColumns(options), 'job', 'submitted_at'];
  // Into memory it writes synchronously, and returns no promises.
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(names), createdBy: 'imgcls' });
  const submittedAt = new Date(jobTimeMs(job));
  let rows: unknown[][] = [];
  /** What was written since the last call. */
  const take = (): Uint8Array => {
    const taken = bytes.getBytes().slice();
    bytes.index = 0;
    return taken;
  };
  const writeGroup = () => {
    const columnData = names.map((name, at) => ({ name, data: rows.map((row) => row[at]) }));
    if (rows.length > 0) void writer.write({ columnData, rowGroupSize: groupRows });
    rows = [];
  };
  return {
    begin: take,
    row(outcome: Outcome) {
      rows.push([...csvCells(outcome, options).map((cell) => (cell === '' ? null : cell)), job, submittedAt]);
      if (rows.length === groupRows) writeGroup();
      return take();
    },
    end() {
      writeGroup();
      void writer.finish();
      return take();
    },
  };
}

const schemaOf = (names: readonly string[]): SchemaElement[] => [
  { name: 'root', num_children: names.length },
  ...names.map((name) => ({
    ...(TYPES[name] ?? TEXT),
    name,
    repetition_type: REQUIRED.includes(name) ? ('REQUIRED' as const) : ('OPTIONAL' as const),
  })),
];
