/**
 * `/api`: the API for people who write programs for it, out of its own document.
 *
 * @module
 */

import { Hono } from "hono";
import { type ApiDocument, apiDocument } from "../api/api.ts";
import {
  type AnswerView,
  curlOf,
  type FieldView,
  type OperationView,
  type ResourceView,
  viewDocument,
} from "../api/document_view.ts";
import { API_BASE } from "../api/frame.ts";
import { hostOf } from "../caller.ts";
import type { SidecarParts } from "../parts.ts";
import type { Translate } from "./language.ts";
import { Card, type Column, type Markup, page, Table } from "./layout.tsx";
import type { PageContext, PageEnv } from "./page_env.ts";

/** The page, for everybody. */
export function apiPageRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  let document: ApiDocument | null = null;
  routes.get("/api", (context) => {
    const resources = viewDocument(document ??= apiDocument(parts));
    const { publicUrl = null } = parts.current().config.http ?? {};
    const scheme = context.get("caller").tls ? "https" : "http";
    return apiPage(context, {
      resources,
      origin: publicUrl ?? `${scheme}://${hostOf(context.req.raw) ?? "localhost"}`,
    });
  });
  return routes;
}

function apiPage(
  context: PageContext,
  { resources, origin }: { readonly resources: readonly ResourceView[]; readonly origin: string },
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("API for programs", "プログラム用API"),
    main: (
      <>
        <Start t={t} origin={origin} />
        <nav aria-label={t("Resources", "リソース")}>
          {resources.map(({ name }) => <a href={`#${anchorOf(name)}`}>{name}</a>)}
        </nav>
        {resources.map((resource) => <Resource resource={resource} t={t} origin={origin} />)}
      </>
    ),
  });
}

function Start({ t, origin }: { readonly t: Translate; readonly origin: string }): Markup {
  return (
    <Card title={t("How to begin", "使い始めるには")}>
      <p>
        {t(
          "A program shows a token with each request. On the server, this command makes one and prints its secret once:",
          "プログラムは、リクエストごとにトークンを示します。サーバー上で次のコマンドを実行するとトークンが作られ、その値が一度だけ表示されます。",
        )}
      </p>
      <pre tabindex={0}><code>dokodemo token new --label backup --scope accounts:read</code></pre>
      <pre
        tabindex={0}
      ><code>{`curl -H "Authorization: Bearer $TOKEN" \\\n  ${origin}${API_BASE}/accounts`}</code></pre>
      <p>
        {t(
          "Each operation below names the scope that it needs. Whoever may open the control socket on the server needs no token.",
          "以下の各操作には、必要なスコープが書かれています。サーバー上でcontrol.sockを開ける人には、トークンは必要ありません。",
        )}
      </p>
      <p>
        {t(
          "Whatever is no success is a problem document (RFC 9457): its detail is a sentence for you, its field names what is wrong.",
          "成功以外の応答はproblem document(RFC 9457)です。detailに説明の文、fieldに誤りのある項目名が入ります。",
        )}
      </p>
      <p>
        <a href={`${API_BASE}/openapi.json`}>{t("The OpenAPI document", "OpenAPI文書")}</a>
        {t(" has all of it for tools.", "には、ツール用に同じ内容がすべて含まれています。")}
      </p>
    </Card>
  );
}

interface Shown {
  readonly t: Translate;
  readonly origin: string;
}

function Resource({ resource: { name, operations }, ...shown }: Shown & { readonly resource: ResourceView }): Markup {
  return (
    <section class="card" id={anchorOf(name)}>
      <h2 lang="en">{name}</h2>
      {operations.map((operation) => <Operation operation={operation} {...shown} />)}
    </section>
  );
}

function Operation({ operation, t, origin }: Shown & { readonly operation: OperationView }): Markup {
  const { id, method, path, summary, text, scope, parameters, body, answers } = operation;
  const meaning: Column<FieldView> = { head: t("Meaning", "意味"), cell: (field) => <Meaning field={field} /> };
  return (
    <details id={id}>
      <summary>
        <code>{`${method} ${path}`}</code> <English text={summary} />
      </summary>
      {text !== "" && (
        <p>
          <English text={text} />
        </p>
      )}
      <p class="soft">
        {scope === null ? t("Over the control socket alone.", "control.sockからのみ実行できます。") : (
          <>
            {t("Scope:", "スコープ:")} <code>{scope}</code>
          </>
        )}
      </p>
      {parameters.length > 0 && (
        <Table
          caption={`${t("Parameters", "パラメーター")}: ${summary}`}
          rows={parameters}
          columns={[
            { head: t("Parameter", "パラメーター"), cell: (each) => <Name field={each} place={each.place} t={t} /> },
            meaning,
          ]}
          empty=""
        />
      )}
      {body !== null && (
        <Table
          caption={`${t("Body", "本文")}: ${summary}`}
          rows={body.fields}
          columns={[
            { head: t("Field of the body", "本文の項目"), cell: (field) => <Name field={field} t={t} /> },
            meaning,
          ]}
          empty={body.text}
        />
      )}
      <Table
        caption={`${t("Answers", "応答")}: ${summary}`}
        rows={answers}
        columns={answerColumns(t)}
        empty=""
      />
      <pre tabindex={0}><code>{curlOf(operation, origin)}</code></pre>
    </details>
  );
}

function Name(
  { field: { name, required }, place, t }: {
    readonly field: FieldView;
    readonly place?: string;
    readonly t: Translate;
  },
): Markup {
  const notes = [...place === undefined ? [] : [place], ...required ? [] : [t("optional", "任意")]];
  return (
    <>
      <code>{name}</code>
      {notes.length > 0 && <span class="soft">{` ${notes.join(t(", ", "、"))}`}</span>}
    </>
  );
}

function Meaning({ field: { type, text } }: { readonly field: FieldView }): Markup {
  return <English text={text === "" ? type : `${type}: ${text}`} />;
}

function answerColumns(t: Translate): readonly Column<AnswerView>[] {
  return [
    { head: t("Status", "ステータス"), cell: ({ status }) => <code>{status}</code> },
    {
      head: t("Answer", "応答"),
      cell: ({ text, fields }) => (
        <>
          <English text={text} />
          {fields.length > 0 && (
            <ul>
              {fields.map((field) => (
                <li>
                  <Name field={field} t={t} /> <Meaning field={field} />
                </li>
              ))}
            </ul>
          )}
        </>
      ),
    },
  ];
}

/** A text of the document, in which names stand between back-ticks. */
function English({ text }: { readonly text: string }): Markup {
  return <span lang="en">{text.split("`").map((part, at) => at % 2 === 0 ? part : <code>{part}</code>)}</span>;
}

function anchorOf(name: string): string {
  return name.replaceAll(" ", "-");
}
