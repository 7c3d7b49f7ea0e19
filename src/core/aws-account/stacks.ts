/** The few verbs of CloudFormation that a deployment needs, in plain words; src/aws/cloudformation.ts speaks them to AWS. */

export interface Stack {
  /** ARN; names this stack alone, also when another one of its name was made since. */
  id: string;
  name: string;
  /** CloudFormation's own word: CREATE_COMPLETE. */
  status: string;
  reason?: string;
  parameters: Readonly<Record<string, string>>;
  outputs: Readonly<Record<string, string>>;
}

export interface StackEvent {
  id: string;
  /** The resource's name in the template; the stack's own name for what happens to the whole of it. */
  resource: string;
  physicalId?: string;
  type: string;
  status: string;
  reason?: string;
}

export interface StackResource {
  /** Its name in the template. */
  resource: string;
  /** Absent while it was not made. */
  physicalId?: string;
  type: string;
  status: string;
}

/** A template's text, at most 51,200 bytes, or its address in S3. */
export type Template = { body: string } | { url: string };

export interface TemplateSummary {
  parameters: { name: string; fallback?: string }[];
  /** What has to be acknowledged: CAPABILITY_NAMED_IAM. */
  capabilities: string[];
}

/** `previous`: as the stack has it. */
export type ParameterChoice = { value: string } | 'previous';

export interface ResourceChange {
  action: string;
  resource: string;
  type: string;
  /** Of a modification: whether the resource is made anew, its content lost. */
  replacement?: 'yes' | 'no' | 'maybe';
}

export interface ChangeSetRequest {
  stack: string;
  kind: 'CREATE' | 'UPDATE';
  name: string;
  template: Template;
  parameters: Readonly<Record<string, ParameterChoice>>;
  capabilities: readonly string[];
}

export interface ChangeSetRef {
  id: string;
  stackId: string;
}

export interface ChangeSetView {
  /** `empty`: there is nothing to change. */
  state: 'pending' | 'ready' | 'empty' | 'failed';
  reason?: string;
  changes: ResourceChange[];
}

/** All throw {@link ImgclsError}s. */
export interface Stacks {
  /** By name, where it is there now, or by id, where it ever was. */
  find(nameOrId: string): Promise<Stack | undefined>;
  /** @throws {ImgclsError} of kind `config` when the template is none. */
  summarize(template: Template): Promise<TemplateSummary>;
  /** Answers at once; the change set is ready later. Undefined where there is nothing to change. */
  propose(request: ChangeSetRequest): Promise<ChangeSetRef | undefined>;
  proposal(changeSet: ChangeSetRef): Promise<ChangeSetView>;
  execute(changeSet: ChangeSetRef): Promise<void>;
  discard(changeSet: ChangeSetRef): Promise<void>;
  /** Answers at once; the stack is gone later. */
  remove(id: string): Promise<void>;
  /** Newest first; reads page by page as it is consumed. */
  events(id: string): AsyncIterable<StackEvent>;
  resources(id: string): Promise<StackResource[]>;
}
