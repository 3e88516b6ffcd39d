// The audit: shapes of our API's answer, and what of a change is shown.

export type AuditState = unknown; // JSON as it was kept; null: it did not exist

export interface AuditEntry {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly origin: string;
  readonly action: string;
  readonly kind: string;
  readonly object: string;
  readonly before: AuditState;
  readonly after: AuditState;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next: number | null; // `before` of the next page
}

export interface AuditChange {
  readonly name: string;
  readonly before: string | undefined; // undefined: it was not there
  readonly after: string | undefined;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 1));

// The members that differ, in their order; of what is no object the whole, under no name.
export function changesOf(before: AuditState, after: AuditState): readonly AuditChange[] {
  if ((before === null || isRecord(before)) && (after === null || isRecord(after))) {
    const old = before ?? {};
    const now = after ?? {};
    return [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .map((name) => ({
        name,
        before: name in old ? textOf(old[name]) : undefined,
        after: name in now ? textOf(now[name]) : undefined,
      }))
      .filter((change) => change.before !== change.after);
  }
  const whole = {
    name: '',
    before: before === null ? undefined : textOf(before),
    after: after === null ? undefined : textOf(after),
  };
  return whole.before === whole.after ? [] : [whole];
}
