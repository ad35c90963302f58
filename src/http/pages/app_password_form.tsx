/**
 * The form for a new app password.
 *
 * @module
 */

import type { AppPasswordField } from "./app_password_words.ts";
import type { Translate } from "./language.ts";
import { Choice, Field, type Markup } from "./layout.tsx";

/** What was typed. */
export interface TypedAppPassword {
  readonly label: string;
  readonly networks: string;
  /** None: with each. */
  readonly mechanisms: readonly string[];
  readonly expires: string;
}

/** What is wrong with one field. */
export interface AppPasswordMistake {
  readonly field: AppPasswordField;
  readonly text: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFETIME_DAYS: ReadonlyMap<string, number> = new Map([["week", 7], ["month", 30], ["half", 182], ["year", 365]]);

/** When an app password ends that is made now, RFC 3339; `null`: never; `undefined`: that is no choice of the form. */
export function expiryOf(choice: string, now: number): string | null | undefined {
  if (choice === "") return null;
  const days = LIFETIME_DAYS.get(choice);
  return days === undefined ? undefined : new Date(now + days * DAY_MS).toISOString();
}

/** The form. */
export function AppPasswordForm(
  { typed, mistake, mechanisms, t }: {
    readonly typed: TypedAppPassword;
    readonly mistake: AppPasswordMistake | null;
    /** Those that the listeners offer. */
    readonly mechanisms: readonly string[];
    readonly t: Translate;
  },
): Markup {
  const limited = typed.networks !== "" || typed.mechanisms.length > 0;
  const mistakeIn = (field: AppPasswordField) => mistake?.field === field ? mistake.text : undefined;
  return (
    <form method="post" action="/app-passwords">
      <Field
        name="label"
        label={t("What it is for", "用途")}
        hint={t("For example: phone, office printer", "例: スマートフォン、事務所のプリンター")}
        value={typed.label}
        mistake={mistakeIn("label")}
        autofocus={mistake?.field === "label"}
      />
      <Choice
        name="expires"
        label={t("It ends", "有効期限")}
        value={typed.expires}
        options={[
          ["", t("never, until you revoke it", "なし(取り消すまで有効)")],
          ["week", t("in a week", "1週間")],
          ["month", t("in 30 days", "30日間")],
          ["half", t("in half a year", "半年間")],
          ["year", t("in a year", "1年間")],
        ]}
      />
      {mistake?.field === "expires" && <p class="mistake">{mistake.text}</p>}
      <details open={limited || mistake?.field === "networks" || mistake?.field === "mechanisms"}>
        <summary>
          {t("Limit it further (printers, scanners, servers)", "さらに制限する(プリンター、スキャナー、サーバー向け)")}
        </summary>
        <NetworksField value={typed.networks} mistake={mistakeIn("networks")} t={t} />
        <MechanismsField chosen={typed.mechanisms} mistake={mistakeIn("mechanisms")} mechanisms={mechanisms} t={t} />
      </details>
      <button type="submit">{t("Make app password", "アプリパスワードを作る")}</button>
    </form>
  );
}

function NetworksField(
  { value, mistake, t }: { readonly value: string; readonly mistake: string | undefined; readonly t: Translate },
): Markup {
  return (
    <div class="field">
      <label for="networks">{t("Only from these networks", "使えるネットワーク")}</label>
      <textarea
        id="networks"
        name="networks"
        rows={3}
        spellcheck={false}
        autocapitalize="none"
        aria-describedby={mistake === undefined ? "networks-hint" : "networks-hint networks-mistake"}
        aria-invalid={mistake === undefined ? undefined : "true"}
      >
        {value}
      </textarea>
      <p class="hint" id="networks-hint">
        {t(
          "One address or network in a line, such as 192.0.2.0/24. Empty: from everywhere.",
          "IPアドレスまたはネットワークを1行に1つ入力します(例: 192.0.2.0/24)。空欄の場合は、どこからでも使えます。",
        )}
      </p>
      {mistake !== undefined && <p class="mistake" id="networks-mistake">{mistake}</p>}
    </div>
  );
}

function MechanismsField(
  { chosen, mistake, mechanisms, t }: {
    readonly chosen: readonly string[];
    readonly mistake: string | undefined;
    readonly mechanisms: readonly string[];
    readonly t: Translate;
  },
): Markup {
  return (
    <fieldset>
      <legend>{t("Only by these ways to log in", "使える認証方式")}</legend>
      {mechanisms.map((name) => (
        <label>
          <input type="checkbox" name={`mechanism-${name}`} checked={chosen.includes(name)} />
          {name}
        </label>
      ))}
      <p class="hint">
        {t(
          "None chosen: by each. The name of the way stands in the settings of the device.",
          "選ばない場合は、すべての方式で使えます。方式の名前は、機器の設定画面や説明書で確認できます。",
        )}
      </p>
      {mistake !== undefined && <p class="mistake">{mistake}</p>}
    </fieldset>
  );
}
