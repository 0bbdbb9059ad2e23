import type { OutcomeCode } from "@longwire/core";

/** What the process exits with, by how the stream ended. */
export const exitCodes: Readonly<Record<OutcomeCode, number>> = {
  complete: 0,
  ended: 0,
  closed: 0,
  refused: 3,
  truncated: 4,
  reset: 4,
  protocol: 4,
  limit: 4,
  idle: 5,
  deadline: 5,
  exhausted: 6,
  unreachable: 7,
  aborted: 130,
};

/** The output could not be written. */
export const outputFailed = 1;

/** The address that was to be listened on could not be. */
export const cannotListen = 1;

/** The command line was wrong; nothing was sent. */
export const badUsage = 2;

/** The table for a server, as its `--help` prints it. */
export const serverExitCodesHelp = `Exit codes:
  0    ended by Ctrl-C or SIGTERM: nobody new comes in, those who are there
       have 5 s to end; a second Ctrl-C does not wait for them
  1    the address could not be listened on
  2    bad usage
`;

/** The table, as `tail --help` prints it. */
export const exitCodesHelp = `Exit codes:
  0    complete, ended, --max reached, or the reader of stdout left
  1    stdout could not be written
  2    bad usage; nothing was sent
  3    refused: the status or the media type of the answer
  4    truncated, reset, protocol, limit: it broke, or is not what it says
  5    idle, deadline: too long a silence, or no answer in time
  6    exhausted: gave up after --retries
  7    unreachable: name, connection or TLS, and no retry was made
  130  interrupted by Ctrl-C or SIGTERM; a second one does not wait for the end
`;
