/** What every contender of bench:peers does: it prints the best class of each photograph of a folder. */
import type { Product } from '../../src/bench/product.ts';
import type { InstalledModel } from '../installed-model.ts';

/** What the contenders work on. */
export interface Work {
  model: InstalledModel;
  processes: number;
  /** An empty folder for files. */
  folder: string;
  product: Product;
  /** The program. */
  bin: string;
}

/** A run that is ready to be started. Its clock does not run yet. */
export interface Run {
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** A process that works for it and was started before. */
  besidePid?: number;
  /** Reads what it printed: the id of the best class, by the name of the photograph. */
  labelsOf(stdout: string): Map<string, string>;
  /** Ends what was started for it. */
  end?(): Promise<void>;
}

export interface Contender {
  /** Its row in the table. */
  title: string;
  /** @param photographs their folder. Nothing of an earlier run is used again. */
  prepare(photographs: string): Promise<Run>;
}
