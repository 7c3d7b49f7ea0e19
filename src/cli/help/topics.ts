// Texts of `imgcls help TOPIC`.

import { Help } from 'commander';
import { environmentVariables, type HelpPart } from './environment.ts';

interface Topic {
  summary: string;
  parts(): readonly HelpPart[];
}

const TOPICS: Readonly<Record<string, Topic>> = {
  topics: { summary: 'This list', parts: () => [['Topics:', topicList()]] },
  images: {
    summary: 'Which files are labelled, and what the labels are good at',
    parts: () => [
      `Formats: JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, previews in camera raw files, and HEIC with a decoder that you install ("imgcls doctor" says how). A format is recognised by content, not by name.`,
      `Folders are searched for image file names. Hidden files and folders of systems are skipped and reported. If several files are named, as by a shell's *, those that have no image file name are skipped, unless none has one. --include and --exclude take globs: without a slash they match the file's name, with one its path.`,
      'A list on standard input (-) has one path a line; if it has a NUL character, paths are separated by NUL (find -print0). Each path of a list has an outcome.',
      'The models know the 1,000 classes of ImageNet: animals (a third are breeds and species), objects, vehicles, food, some buildings and landscapes. People, faces and most scenes are not among them: a photograph of people gets the label of something else in it. Scores below 20 % are guesses; --min-score marks more labels as unsure.',
      'A category is an everyday word for some of the classes, such as "cat" or "furniture"; its score is the sum of theirs. --level category prints categories in place of labels; JSON and CSV have both. Models with other classes have no categories.',
    ],
  },
  formats: {
    summary: 'How results are printed, for people and for programs',
    parts: () => [
      [
        'Values of --format:',
        [
          ['table', 'a table on a terminal, values separated by tabs elsewhere'],
          ['lines', 'NAME, LABEL; "NAME, error: CODE" and, with --min-score, "NAME, unsure: LABEL"'],
          ['ndjson', 'one JSON object a line, with all labels, scores and errors'],
          ['json', 'the same as one list'],
          ['csv', 'RFC 4180, for spreadsheets'],
          ['parquet', 'the columns of csv with types, for DuckDB, pandas and Spark'],
        ],
      ],
      'The default is the ending of --output (.csv, .json, .ndjson, .jsonl, .parquet); else a table on a terminal, of more than 500 images a summary, and lines in a pipe or a file. Results go to standard output, all else to standard error.',
      'Other lists (jobs, config, model list, dlq list) are tables on a terminal, and separated by tabs in a pipe.',
    ],
  },
  errors: {
    summary: 'The error codes of images, and what to do',
    parts: () => [
      [
        'Codes:',
        [
          ['not_an_image', 'the file is something else'],
          ['truncated', 'less than half of the image could be decoded'],
          ['unsupported_format', 'the format is not supported; convert it to JPEG or PNG'],
          ['too_large', 'the file exceeds a limit of bytes, pixels or memory (see "imgcls config")'],
          ['missing', 'there is no such file'],
          ['unreadable', 'the file cannot be read'],
          ['changed', 'the file is no longer the one that was submitted'],
          ['model_unavailable', 'no machine can load the model'],
          ['worker_crash', 'the image could not be classified, even after retries'],
          ['deadline', 'decoding the image took too long'],
        ],
      ],
      '"imgcls results JOB --errors" lists the failed images with their reasons, "imgcls retry JOB" tries them again.',
    ],
  },
  'exit-codes': {
    summary: 'The exit codes of all commands',
    parts: () => [
      [
        'Codes:',
        [
          ['0', 'every image has a label; the command did what it should'],
          ['1', 'the command failed, or it printed the results of a job that is not finished'],
          ['2', 'wrong usage or a wrong setting'],
          ['3', 'finished, but some images have an error'],
          ['130', 'interrupted; the message has the command that continues'],
        ],
      ],
    ],
  },
  environment: { summary: 'Environment variables', parts: environmentVariables },
};

/** The paragraphs and lists of a topic. Empty if there is no such topic. */
export const topicParts = (name: string): readonly HelpPart[] =>
  Object.hasOwn(TOPICS, name) ? (TOPICS[name]?.parts() ?? []) : [];

/** Undefined if there is no such topic. Without a width it is that of the help in a pipe. */
export function topicText(name: string, columns = 80): string | undefined {
  if (!Object.hasOwn(TOPICS, name)) return undefined;
  const help = new Help();
  help.helpWidth = columns;
  const parts = topicParts(name).map((part) => drawn(part, help));
  return `${parts.join('\n\n')}\n`;
}

/** Wraps as commander does in the help of commands. */
function drawn(part: HelpPart, help: Help): string {
  if (typeof part === 'string') return help.boxWrap(part, help.helpWidth ?? 0);
  const [title, rows] = part;
  const width = Math.max(...rows.map(([term]) => term.length));
  return [title, ...rows.map(([term, meaning]) => help.formatItem(term, width, meaning, help))].join('\n');
}

const topicList = (): [string, string][] =>
  Object.entries(TOPICS).map(([name, { summary }]) => [`imgcls help ${name}`, summary]);
