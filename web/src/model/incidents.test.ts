import { describe, expect, it } from 'vitest';
import {
  describeActionRule,
  nextPhase,
  parseIncidentName,
  sparkline,
  storyOf,
  suspectsOf,
  type Incident,
  type Timeline,
  type TimelineEntry,
} from './incidents';

const entry = (at: number, kind: string, score: number): TimelineEntry => ({
  at,
  kind,
  title: kind,
  detail: '',
  score,
  query: '',
  points: [],
});
const timeline = (entries: readonly TimelineEntry[]): Timeline => ({
  gatheredAt: 0,
  from: 0,
  to: 10,
  entries,
  comparisons: [],
  remarks: [],
});

describe('describeActionRule', () => {
  const rule = { action: 1, rule: 'High', exists: true };
  it('says how the rule stands, and since the item was done', () => {
    expect(describeActionRule({ ...rule, state: 'inactive' })).toEqual({ text: 'inactive', isBad: false });
    expect(describeActionRule({ ...rule, state: 'inactive', firedSinceDone: false })).toEqual({
      text: 'inactive, quiet since it was done',
      isBad: false,
    });
    expect(describeActionRule({ ...rule, state: 'firing', firedSinceDone: true })).toEqual({
      text: 'firing, fired since it was done',
      isBad: true,
    });
  });
  it('names the rule that may have been meant', () => {
    expect(describeActionRule({ ...rule, exists: false, nearest: 'Higher' }).text).toBe('no such rule, perhaps Higher');
    expect(describeActionRule({ ...rule, exists: false, error: 'too long ago' })).toEqual({
      text: 'no such rule, not looked up: too long ago',
      isBad: true,
    });
  });
});

describe('parseIncidentName', () => {
  it.each([
    ['INC-7', 7],
    ['inc-12', 12],
    ['3', 3],
    ['INC-0', undefined],
    ['INC-', undefined],
    ['x', undefined],
  ])('reads %s', (text, want) => expect(parseIncidentName(text)).toBe(want));
});

describe('nextPhase', () => {
  it('ends with the post-mortem', () => {
    expect(nextPhase('detection')).toBe('assessment');
    expect(nextPhase('post-mortem')).toBeUndefined();
  });
});

describe('the story', () => {
  const notes = [
    { at: 2, who: 'ann', kind: 'comment', text: 'looking' },
    { at: 3, who: 'alerts', kind: 'alert', text: 'A fires' },
  ];
  const incident = { notes } as unknown as Incident;
  it('has what was gathered and what people did, in order', () => {
    const lines = storyOf(incident, timeline([entry(1, 'fault', 0.9), entry(3, 'alert', 1)]));
    expect(lines.map(({ at, kind }) => [at, kind])).toEqual([
      [1, 'fault'],
      [2, 'comment'],
      [3, 'alert'],
    ]);
  });
  it('has the alerts of the notes while nothing is gathered', () => {
    expect(storyOf(incident, null).map(({ kind }) => kind)).toEqual(['comment', 'alert']);
  });
});

describe('suspects', () => {
  it('are the highest scores, without alerts', () => {
    const all = timeline([entry(1, 'deploy', 0.5), entry(2, 'alert', 1), entry(3, 'fault', 0.9)]);
    expect(suspectsOf(all).map(({ kind }) => kind)).toEqual(['fault', 'deploy']);
  });
});

describe('sparkline', () => {
  it('draws within its box', () => {
    const points = [
      { at: 0, value: 1 },
      { at: 5, value: null },
      { at: 10, value: 3 },
    ];
    expect(sparkline({ ...entry(0, 'x', 1), points }, 100, 20)).toBe('M0.0 20.0L100.0 0.0');
    expect(sparkline(entry(0, 'x', 1), 100, 20)).toBe('');
  });
});
