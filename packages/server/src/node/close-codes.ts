// What a hub closes with: RFC 6455 section 7.4.1, and the registry of IANA, https://www.iana.org/assignments/websocket.

/** The server closes; a client comes back to another one, or later. */
export const goingAway: number = 1_001;
/** What serves the client failed. */
export const internalError: number = 1_011;
/** The client is too slow; it may come back. */
export const tryAgainLater: number = 1_013;
