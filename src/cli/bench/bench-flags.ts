/** Flags of `imgcls bench`, as parsed. Flags with a default are always set. */
export interface BenchFlags {
  /** `true`: all named traces. */
  simulate?: string | true;
  seed: number;
  world: 'ideal' | 'unkind';
  max: number;
  traces?: number;
  forecast: 'on' | 'off' | 'compare';
  count: number;
  repeat: number;
  boots: number;
  scenario?: string[];
  images?: string;
  cloud?: 'local' | 'aws';
  model?: string;
  compare?: string;
  yes?: boolean;
  format: 'table' | 'json' | 'html' | 'markdown';
  output?: string;
  cluster?: string;
  dataDir?: string;
}
