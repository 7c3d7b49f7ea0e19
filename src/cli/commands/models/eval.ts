import { type Command, Option } from 'commander';
import type { EvalFlags } from '../../models/eval.ts';

export function register(program: Command): void {
  program
    .command('eval')
    .description(
      'Prints how often a model is right, on images whose folder or file name says what they show.',
    )
    .argument(
      '<folder>',
      'with folders called like classes (n02124075, "Egyptian cat"), or files n02124075_*.jpg',
    )
    .option('--model <model>', 'NAME or NAME/VARIANT; else the one that a job would take')
    .addOption(
      new Option('--format <format>', 'how it is written').choices(['table', 'json']).default('table'),
    )
    .action(async (folder: string, flags: EvalFlags) => {
      const [{ loadSettings }, { evaluateFolder }] = await Promise.all([
        import('../../../app/settings.ts'),
        import('../../models/eval.ts'),
      ]);
      const { cluster, dataDir } = program.opts();
      const { settings } = loadSettings({ cluster, dataDir });
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const write = (text: string) => void process.stdout.write(text);
      await evaluateFolder(folder, flags, { settings, signal: interrupted.signal, write });
    });
}
