import { freePort } from "./free-port.ts";
import { launchNginx } from "./nginx.ts";
import { peers } from "./peer-list.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** nginx with nchan: channels by name, published to by POST and subscribed to by SSE. Disposing of it kills it. */
export interface NchanServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  publish(channel: string, message: string): Promise<void>;
  /** Deletes a channel, with a word to its subscribers. */
  remove(channel: string): Promise<void>;
}

/**
 * `/sub/CHANNEL` begins with the oldest message; `/short/CHANNEL` also ends after a second; `/ping/CHANNEL` pings every second by
 * an event without data, `/beat/CHANNEL` by one with data. `/ws/CHANNEL` is a WebSocket, which pings every second, takes no
 * messages, and by the subprotocol `ws+meta.nchan` begins each one with its id.
 */
export async function startNchan(): Promise<NchanServer> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("nchan"));
  const port = await freePort();
  stack.use(await launchNginx(path, configuration(port), [peers.nchan.needs[1]]));
  const owned = stack.move();
  const url = `http://127.0.0.1:${port}`;

  const call = async (channel: string, init: RequestInit): Promise<void> => {
    const response = await fetch(`${url}/pub/${channel}`, init);
    if (!response.ok) throw new Error(`nchan answered ${response.status} to ${init.method} ${channel}`);
    await response.arrayBuffer();
  };
  return {
    port,
    url,
    publish: (channel, body) => call(channel, { method: "POST", body }),
    remove: (channel) => call(channel, { method: "DELETE" }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const configuration = (port: number): string => `
  nchan_message_buffer_length ${keptMessages};
  nchan_message_timeout 10m;
  server {
    listen 127.0.0.1:${port};
    nchan_subscriber_first_message oldest;
    location ~ ^/pub/(\\w+)$ { nchan_publisher; nchan_channel_id $1; }
    location ~ ^/sub/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1; }
    location ~ ^/short/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_timeout 1; }
    location ~ ^/ping/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1; ${ping} }
    location ~ ^/ws/(\\w+)$ { nchan_subscriber websocket; nchan_channel_id $1; nchan_websocket_ping_interval 1; }
    location ~ ^/beat/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1; ${ping} nchan_eventsource_ping_data x; }
  }
`;

const ping = 'nchan_eventsource_ping_interval 1; nchan_eventsource_ping_event ping; nchan_eventsource_ping_comment "";';

/** Messages that a channel keeps; older ones are forgotten. */
export const keptMessages = 300;
