/**
 * `dokodemo webhook`
 *
 * @module
 */

import type { WebhookConfig } from "../config/config.ts";
import { newWebhookId, webhookBody } from "../http/webhooks/message.ts";
import { sendWebhook } from "../http/webhooks/send.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { configFile } from "./config_file.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

/** Exit codes: 0 when each receiver took it; 69 when one did not; 64 for a URL that is not configured; 78. */
export const command: CliCommand = {
  build: () => {
    const webhook = newCommand("webhook", "Tries the receivers of [[webhook]].");
    webhook.addCommand(
      takesConfig(newCommand("webhook test", "Sends an event of the type test to each receiver, once.").name("test"))
        .option("--url <URL>", "only to this one, which has to be configured")
        .action(exits(test)),
    );
    return webhook;
  },
};

interface TestOptions extends ConfigOption {
  readonly url?: string;
}

async function test(options: TestOptions): Promise<number> {
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  const { hostname, webhooks } = config.value;
  if (webhooks.length === 0) {
    complain(`There is no [[webhook]] in ${configFile(options)}`);
    return EXIT.config;
  }
  const chosen = webhooks.filter(({ url }) => options.url === undefined || url === options.url);
  if (chosen.length === 0) {
    complain(`There is no [[webhook]] with this URL; there are: ${webhooks.map(({ url }) => url).join(" ")}`);
    return EXIT.usage;
  }
  let code: number = EXIT.ok;
  for (const [url, sections] of Map.groupBy(chosen, (webhook) => webhook.url)) {
    const told = await tell(url, sections, hostname);
    if (!told) code = EXIT.unavailable;
  }
  return code;
}

/** Sends what the server would send, and says how it went. */
async function tell(url: string, sections: readonly WebhookConfig[], hostname: string): Promise<boolean> {
  const body = webhookBody({ type: "test", data: {} }, { hostname, at: Date.now() });
  const request = { url, id: newWebhookId(), body, secrets: sections.map(({ secret }) => secret) };
  const options = { fetch, now: Date.now, signal: new AbortController().signal };
  const sent = await sendWebhook(request, options);
  if (sent.ok) print(`${url}: status ${sent.value}`);
  else complain(`${url}: ${sent.problem.why}`);
  return sent.ok;
}
