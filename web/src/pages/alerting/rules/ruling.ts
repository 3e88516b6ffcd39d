// Rule groups and backfills on the server. What is refused is an answer here, since the editor shows where.
import { ApiError, ask } from '../../../api/client';
import type { BackfillJob, GroupFault, KnownGroups, StoredGroup } from '../../../model/rule_groups';

// What a server without our API has.
export const NO_GROUPS: KnownGroups = { groups: [] };
export const NO_JOBS: readonly BackfillJob[] = [];

const GROUPS = 'api/kw/v1/rules/groups';
const BACKFILL = 'api/kw/v1/rules/backfill';

export type Told<T> =
  | { readonly ok: true; readonly data: T; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly fault: GroupFault };

interface Body<T> {
  readonly status: 'success' | 'error';
  readonly data?: T;
  readonly warnings?: readonly string[];
  readonly error?: string;
  readonly place?: { readonly line: number; readonly key: string; readonly message: string };
}

// Throws ApiError when there is no answer of the API.
async function tell<T>(path: string, init: RequestInit): Promise<Told<T>> {
  const { status, text } = await ask(path, init);
  let body: Body<T>;
  try {
    body = JSON.parse(text) as Body<T>;
  } catch {
    throw new ApiError('not_json', `HTTP ${status}: ${text.trim().slice(0, 200)}`, status);
  }
  if (body.status === 'success' && body.data !== undefined) {
    return { ok: true, data: body.data, warnings: body.warnings ?? [] };
  }
  const { place } = body;
  if (place === undefined) return { ok: false, fault: { message: body.error ?? `HTTP ${status}` } };
  return { ok: false, fault: { message: place.message, line: place.line, key: place.key } };
}

const groupPath = (name: string): string => `${GROUPS}/${encodeURIComponent(name)}`;
const yaml = { 'content-type': 'application/yaml' };

export function checkGroup(name: string, text: string, signal: AbortSignal): Promise<Told<StoredGroup>> {
  return tell(`${groupPath(name)}?dry_run=1`, { method: 'PUT', body: text, headers: yaml, signal });
}

// `revision` is the one that was read; 0 where the group is new.
export function saveGroup(name: string, text: string, revision: number): Promise<Told<StoredGroup>> {
  return tell(`${groupPath(name)}?revision=${revision}`, { method: 'PUT', body: text, headers: yaml });
}

export function removeGroup(name: string): Promise<Told<{ readonly name: string }>> {
  return tell(groupPath(name), { method: 'DELETE' });
}

export function readGroup(name: string, file: string, signal: AbortSignal): Promise<Told<StoredGroup>> {
  return tell(`${groupPath(name)}?${new URLSearchParams({ file }).toString()}`, { signal });
}

export interface BackfillRequest {
  readonly group: string;
  readonly file: string;
  readonly start: number; // seconds since the epoch
  readonly end: number;
  readonly rule: string; // '' for all
}

export function startBackfill({ group, file, start, end, rule }: BackfillRequest): Promise<Told<BackfillJob>> {
  const form = new URLSearchParams({ group, file, start: String(start), end: String(end) });
  if (rule !== '') form.set('rule', rule);
  return tell(BACKFILL, { method: 'POST', body: form });
}

export function cancelBackfill(id: number): Promise<Told<BackfillJob>> {
  return tell(`${BACKFILL}/${id}`, { method: 'DELETE' });
}
