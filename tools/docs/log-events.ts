/** Every line that the program may log, by what it does then. */
import ts from 'typescript';
import { code, escaped, page, table } from './markdown.ts';
import { sourceFiles, textsOf, visit } from './source-text.ts';

interface LogEvent {
  level: string;
  message: string;
  fields: readonly string[];
  /** The folder of src/ whose code logs it. */
  area: string;
}

const LEVELS = ['debug', 'info', 'warn', 'error'];

const AREAS: Readonly<Record<string, string>> = {
  app: 'Start',
  cli: 'Commands',
  lambda: 'Controller on AWS Lambda',
  model: 'Models',
  scaler: 'Controller',
  web: 'Page and REST service',
  worker: 'Worker',
};

function eventsOf(file: ts.SourceFile): LogEvent[] {
  const events: LogEvent[] = [];
  const area = file.fileName.split('/')[1] ?? '';
  visit(file, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const { name, expression: log } = node.expression;
    if (!LEVELS.includes(name.text) || !/(^|\.)#?log$/i.test(log.getText(file))) return;
    const [fields, message] = node.arguments;
    for (const text of textsOf(message))
      events.push({ level: name.text, message: text, fields: fieldsOf(fields), area });
  });
  return events;
}

/** Names that the call itself gives; others come from the objects that it spreads. */
function fieldsOf(fields: ts.Expression | undefined): string[] {
  if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return [];
  return fields.properties.flatMap(({ name }) => (name === undefined ? [] : [name.getText()]));
}

export function logEventsPage(): string {
  const events = sourceFiles().flatMap(eventsOf);
  const byArea = Map.groupBy(events, ({ area }) => AREAS[area] ?? area);
  const sections = [...byArea].sort().map(([area, found]) => {
    const rows = found
      .map(({ level, message, fields }) => [escaped(message), level, fields.map(code).join(', ')])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    return `## ${area}\n\n${table(['message', 'level', 'fields'], rows)}`;
  });
  return page(
    'Log events',
    'Workers, the controller and the service log to standard error: one JSON object a line, or text on a terminal. Each line has `level`, `time`, `pid`, `cluster`, `msg` and the fields below. The setting `logLevel` chooses what is logged.',
    'Lines about a job have its `job` and `trace`; lines about a message have its `message` and how often it was received. `{name}` stands for a value.',
    ...sections,
  );
}
