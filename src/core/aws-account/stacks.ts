/** The calls of CloudFormation that a deployment needs. Implemented in src/aws/cloudformation.ts. */

export interface Stack {
  /** ARN. Identifies this stack even if a newer one has its name. */
  id: string;
  name: string;
  /** CloudFormation's status: CREATE_COMPLETE. */
  status: string;
  reason?: string;
  parameters: Readonly<Record<string, string>>;
  outputs: Readonly<Record<string, string>>;
  createdAtMs?: number;
}

export interface StackEvent {
  id: string;
  /** The resource's name in the template, or the stack's name for events of the whole stack. */
  resource: string;
  physicalId?: string;
  type: string;
  status: string;
  reason?: string;
  atMs: number;
}

export interface StackResource {
  /** The resource's name in the template. */
  resource: string;
  /** Absent until it is created. */
  physicalId?: string;
  type: string;
  status: string;
}

/** A template's text, at most 51,200 bytes, or its URL in S3. */
export type Template = { body: string } | { url: string };

export interface TemplateSummary {
  parameters: { name: string; fallback?: string }[];
  /** Capabilities to acknowledge: CAPABILITY_NAMED_IAM. */
  capabilities: string[];
}

/** `previous`: the stack's present value. */
export type ParameterChoice = { value: string } | 'previous';

export interface ResourceChange {
  action: string;
  resource: string;
  type: string;
  /** Of a modification: whether the resource is replaced, which loses its content. */
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

/** All calls throw {@link ImgclsError}s. */
export interface Stacks {
  /** By name, if it exists now, or by id, if it ever existed. */
  find(nameOrId: string): Promise<Stack | undefined>;
  /** @throws {ImgclsError} of kind `config` when the template is invalid. */
  summarize(template: Template): Promise<TemplateSummary>;
  /** Returns at once; the change set is ready later. Undefined if there is nothing to change. */
  propose(request: ChangeSetRequest): Promise<ChangeSetRef | undefined>;
  proposal(changeSet: ChangeSetRef): Promise<ChangeSetView>;
  execute(changeSet: ChangeSetRef): Promise<void>;
  discard(changeSet: ChangeSetRef): Promise<void>;
  /** Returns at once; the stack is gone later. */
  remove(id: string): Promise<void>;
  /** Newest first. Reads page by page as it is consumed. */
  events(id: string): AsyncIterable<StackEvent>;
  resources(id: string): Promise<StackResource[]>;
  /** The text of its template, as it was sent. */
  template(id: string): Promise<string>;
  /** The names of the stacks that exist. */
  names(): Promise<string[]>;
  /** The ids of the deleted stacks of this name, newest first. Their events can still be read. */
  deleted(name: string): Promise<string[]>;
}
