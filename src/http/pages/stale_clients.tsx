/**
 * Devices that still have the password of before.
 *
 * @module
 */

import type { StaleClient } from "../../records/records.ts";
import type { Language, Translate } from "./language.ts";
import { Card, type Markup, Table, When } from "./layout.tsx";

/** A table of them; nothing where there are none. */
export function StaleClients(
  { clients, t, language }: {
    readonly clients: readonly StaleClient[];
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <>
      {clients.length > 0 && (
        <Card title={t("Devices with the old password", "古いパスワードのままの機器")}>
          <p>
            {t(
              "They are refused, and count as nobody's guess. Type the new password there.",
              "これらの機器からの接続は拒否されますが、パスワード推測としては数えません。機器に新しいパスワードを設定してください。",
            )}
          </p>
          <Table
            caption={t("Devices with the old password", "古いパスワードのままの機器")}
            rows={clients}
            empty=""
            columns={[
              { head: t("From", "接続元"), cell: ({ remote }) => <code>{remote}</code> },
              { head: t("How", "方式"), cell: ({ mechanism, listener }) => `${mechanism}, ${listener}` },
              { head: t("Times", "回数"), cell: ({ times }) => String(times), numeric: true },
              { head: t("Last", "最後"), cell: ({ last }) => <When at={last} language={language} /> },
            ]}
          />
        </Card>
      )}
    </>
  );
}
