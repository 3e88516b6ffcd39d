import { describe, expect, it } from 'vitest';
import { describeJob, lineAt, lineSpan, localMinute, ruleAt, secondsOf, type BackfillJob } from './rule_groups';

describe('rule groups', () => {
  it('finds lines', () => {
    const text = 'a\nbcd\n\nlast';
    expect(lineSpan(text, 1)).toEqual({ start: 0, end: 1 });
    expect(lineSpan(text, 2)).toEqual({ start: 2, end: 5 });
    expect(lineSpan(text, 3)).toEqual({ start: 6, end: 6 });
    expect(lineSpan(text, 4)).toEqual({ start: 7, end: 11 });
    expect(lineSpan(text, 9)).toEqual({ start: 7, end: 11 });
    expect(lineAt(text, 0)).toBe(1);
    expect(lineAt(text, 5)).toBe(2);
    expect(lineAt(text, 11)).toBe(4);
  });
  it('finds the rule of a line', () => {
    const rule = (name: string, line: number) => ({ name, type: 'recording' as const, query: '1', line });
    const rules = [rule('a', 3), rule('b', 5)];
    expect(ruleAt(rules, 1)?.name).toBe('a');
    expect(ruleAt(rules, 4)?.name).toBe('a');
    expect(ruleAt(rules, 9)?.name).toBe('b');
    expect(ruleAt([], 1)).toBe(undefined);
  });
  it('says what came of a backfill', () => {
    const job = { stored: 1200, kept: 0, tooOld: 0, refused: 0, failures: 2 } as BackfillJob;
    expect(describeJob(job)).toBe('1,200 samples written, 0 were there, 2 evaluations failed');
  });
  it('reads the times that it writes', () => {
    const minute = Math.floor(Date.now() / 60_000) * 60_000;
    expect(secondsOf(localMinute(minute))).toBe(minute / 1000);
    expect(secondsOf('')).toBe(undefined);
  });
});
