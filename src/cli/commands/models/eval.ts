import { type Command, Option } from 'commander';
import { examples } from '../../flags.ts';
import type { EvalFlags } from '../../models/eval.ts';

export function register(program: Command): void {
  program
    .command('eval')
    .description(
      'Measure the accuracy of a model and of its scores on images that are labelled by their folder or file name.',
    )
    .addHelpText(
      'after',
      examples(
        'imgcls eval photos/ --model resnet50',
        'imgcls eval photos/ --html report.html',
        'imgcls eval photos/ --calibrate',
        'imgcls eval photos/ --model clip-vit-base-patch32',
      ),
    )
    .argument(
      '<folder>',
      'Folder with subfolders named after classes (n02124075, "Egyptian cat") or files named n02124075_*.jpg; for a model without labels of its own, the names of the subfolders are the labels',
    )
    .option('--model <model>', 'NAME or NAME/VARIANT (default: the model that a job would use)')
    .addOption(
      new Option('-f, --format <format>', 'Output format').choices(['table', 'json']).default('table'),
    )
    .option(
      '--calibrate',
      'Find the temperature with which scores are right as often as they say, and keep it with the model',
    )
    .option('--html <file>', 'File to write a report to, with thumbnails of the wrong images')
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
