/**
 * The functions of libkrb5 (MIT Kerberos 1.10 or later) and their parameters.
 *
 * @module
 */

const [CONTEXT, STRING, OUT] = ["pointer", "buffer", "buffer"] as const;
/** What of it is used. Only the calls that wait for KDCs run on threads of their own; the others take microseconds. */
export const SYMBOLS = {
  profile_init: { parameters: ["buffer", OUT], result: "i64" },
  profile_abandon: { parameters: ["pointer"], result: "void" },
  krb5_init_context_profile: { parameters: ["pointer", "i32", OUT], result: "i32" },
  krb5_free_context: { parameters: [CONTEXT], result: "void" },
  krb5_get_error_message: { parameters: [CONTEXT, "i32"], result: "pointer" },
  krb5_free_error_message: { parameters: [CONTEXT, "pointer"], result: "void" },
  krb5_parse_name: { parameters: [CONTEXT, STRING, OUT], result: "i32" },
  krb5_unparse_name: { parameters: [CONTEXT, "pointer", OUT], result: "i32" },
  krb5_free_unparsed_name: { parameters: [CONTEXT, "pointer"], result: "void" },
  krb5_free_principal: { parameters: [CONTEXT, "pointer"], result: "void" },
  krb5_kt_resolve: { parameters: [CONTEXT, STRING, OUT], result: "i32" },
  krb5_kt_close: { parameters: [CONTEXT, "pointer"], result: "i32" },
  krb5_kt_start_seq_get: { parameters: [CONTEXT, "pointer", OUT], result: "i32" },
  krb5_kt_next_entry: { parameters: [CONTEXT, "pointer", "buffer", "buffer"], result: "i32" },
  krb5_kt_end_seq_get: { parameters: [CONTEXT, "pointer", "buffer"], result: "i32" },
  krb5_free_keytab_entry_contents: { parameters: [CONTEXT, "buffer"], result: "i32" },
  krb5_get_init_creds_opt_alloc: { parameters: [CONTEXT, OUT], result: "i32" },
  krb5_get_init_creds_opt_free: { parameters: [CONTEXT, "pointer"], result: "void" },
  krb5_get_init_creds_opt_set_tkt_life: { parameters: ["pointer", "i32"], result: "void" },
  krb5_get_init_creds_opt_set_renew_life: { parameters: ["pointer", "i32"], result: "void" },
  krb5_get_init_creds_opt_set_forwardable: { parameters: ["pointer", "i32"], result: "void" },
  krb5_get_init_creds_opt_set_proxiable: { parameters: ["pointer", "i32"], result: "void" },
  krb5_get_init_creds_password: {
    parameters: [CONTEXT, OUT, "pointer", STRING, "pointer", "pointer", "i32", STRING, "pointer"],
    result: "i32",
    nonblocking: true,
  },
  krb5_get_init_creds_keytab: {
    parameters: [CONTEXT, OUT, "pointer", "pointer", "i32", STRING, "pointer"],
    result: "i32",
    nonblocking: true,
  },
  krb5_verify_init_creds: {
    parameters: [CONTEXT, "buffer", "pointer", "pointer", "pointer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  krb5_verify_init_creds_opt_init: { parameters: ["buffer"], result: "void" },
  krb5_verify_init_creds_opt_set_ap_req_nofail: { parameters: ["buffer", "i32"], result: "void" },
  krb5_free_cred_contents: { parameters: [CONTEXT, "buffer"], result: "void" },
} as const;

/** The functions, once the library is loaded. */
export type KerberosSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
