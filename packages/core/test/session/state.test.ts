import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { idle, move, type SessionMove, type SessionState } from "../../src/session/state.ts";

const outcome = { code: "closed", items: 0, bytes: 0, attempts: 0, cursor: undefined } as const;
const cause = new StreamError("reset", "cut");

const moves: Record<SessionMove["to"], SessionMove> = {
  opening: { to: "opening" },
  open: { to: "open", nowMs: 10 },
  waiting: { to: "waiting", cause, waitMs: 100, retryAt: 120, nowMs: 20, counted: true },
  healthy: { to: "healthy" },
  closed: { to: "closed", outcome },
};

const states: Record<SessionState["name"], SessionState> = {
  idle,
  opening: move(idle, moves.opening),
  open: move(move(idle, moves.opening), moves.open),
  waiting: move(move(idle, moves.opening), moves.waiting),
  closed: move(idle, moves.closed),
};

const legal: Record<SessionState["name"], Partial<Record<SessionMove["to"], SessionState["name"]>>> = {
  idle: { opening: "opening", waiting: "waiting", closed: "closed" },
  opening: { open: "open", waiting: "waiting", closed: "closed" },
  open: { healthy: "open", waiting: "waiting", closed: "closed" },
  waiting: { opening: "opening", waiting: "waiting", closed: "closed" },
  closed: {},
};

for (const state of Object.values(states)) {
  for (const step of Object.values(moves)) {
    const next = legal[state.name][step.to];
    if (next) {
      test(`a session that is ${state.name} may become ${step.to}`, () => {
        expect(move(state, step).name).toBe(next);
      });
    } else {
      test(`a session that is ${state.name} cannot become ${step.to}`, () => {
        expect(() => move(state, step)).toThrow(`A session that is ${state.name} cannot become ${step.to}`);
      });
    }
  }
}

test("an attempt is counted when it begins, an answer when it is good", () => {
  expect(states.open.tally).toEqual({ attempts: 1, retries: 0, failingSinceMs: undefined, openedAtMs: 10, opens: 1 });
  expect(move(states.waiting, moves.opening).tally).toMatchObject({ attempts: 2, openedAtMs: undefined });
});

test("a wait says why, how long and until when", () => {
  expect(states.waiting).toMatchObject({ cause, waitMs: 100, retryAt: 120 });
});

test("failures in a row are counted from the first one until a healthy moment", () => {
  const first = move(states.open, moves.waiting);
  const second = move(move(first, moves.opening), { ...moves.waiting, nowMs: 500 } as SessionMove);
  expect([first.tally.retries, first.tally.failingSinceMs]).toEqual([1, 20]);
  expect([second.tally.retries, second.tally.failingSinceMs]).toEqual([2, 20]);
  const healthy = move(move(move(second, moves.opening), moves.open), moves.healthy);
  expect([healthy.tally.retries, healthy.tally.failingSinceMs, healthy.tally.attempts]).toEqual([0, undefined, 3]);
});

test("a wait that is not counted leaves the row of failures as it is", () => {
  const waiting = move(states.open, { to: "waiting", cause: "ended", waitMs: 1, retryAt: 3, nowMs: 2, counted: false });
  expect(waiting.tally).toEqual(states.open.tally);
});

test("a move makes a new state and leaves the old one as it was", () => {
  move(idle, moves.opening);
  expect(idle.tally.attempts).toBe(0);
});
