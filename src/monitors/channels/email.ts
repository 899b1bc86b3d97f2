import { checkOptions, isFunction } from "../../core/check-options.ts";
import { ConfigError, SinkError } from "../../core/errors.ts";
import { emailMessage, type MailMessage } from "./email-message.ts";
import type { Channel } from "./notification.ts";
import { type ChannelOptions, COMMON } from "./options.ts";
import { oneLine } from "./text.ts";

export interface EmailOptions extends Pick<ChannelOptions, "name"> {
  /** A transport of nodemailer's, or anything like it: `createTransport("smtps://user:password@mail.example")`. */
  readonly transport: { sendMail(message: MailMessage): Promise<unknown> };
  /** `Sightline <alerts@example.com>`. */
  readonly from: string;
  readonly to: string | readonly string[];
}

/** Nodemailer's own codes for what trying again does not help; where the server has answered, its answer counts. */
const FINAL_CODES: ReadonlySet<unknown> = new Set(["EAUTH", "EENVELOPE", "EMESSAGE", "ENOAUTH", "EOAUTH2"]);

/**
 * Sends mails as text and HTML through the user's own transport. Those of one key are one thread (`References`). Answers of
 * 5xx and refused credentials are final, others are tried again, with the same `Message-ID`.
 *
 * @throws ConfigError for a transport without `sendMail`, and for addresses of several lines
 * @example
 * import { email } from "sightline/monitors";
 * const transport = { sendMail: async (message: { subject: string }) => console.log(message.subject) };
 * const channel = email({ transport, from: "alerts@example.com", to: "team@example.com" });
 */
export function email(options: EmailOptions): Channel {
  const isAddress = (value: unknown) => typeof value === "string" && value.includes("@") && value === oneLine(value);
  const isList = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isAddress);
  const isTransport = (value: unknown) => isFunction((value as { sendMail?: unknown } | null)?.sendMail);
  checkOptions("email", options, {
    name: COMMON.name,
    transport: [isTransport, "a transport with a function sendMail"],
    from: [isAddress, "an address in one line"],
    to: [(value) => isAddress(value) || isList(value), "an address, or a list of addresses"],
  });
  const { name = "email", transport, from, to } = options;
  if (transport === undefined || from === undefined || to === undefined) {
    throw new ConfigError("CONFIG_CHANNEL", "email() needs transport, from and to.");
  }
  return {
    name,
    async send(notification, thread, signal) {
      const mail = emailMessage(notification, { from, to }, thread);
      signal.throwIfAborted();
      // Transports have timeouts of their own and take no signal: `notifier()` does not wait for it longer than for others.
      try {
        await transport.sendMail(mail.message);
      } catch (error) {
        throw asSinkError(error, name);
      }
      return mail.thread;
    },
    preview: (notification, thread) => emailMessage(notification, { from, to }, thread).message,
  };
}

/** `responseCode` is the server's, `code` nodemailer's own. The error's message is not told: it may quote what was sent. */
function asSinkError(error: unknown, name: string): SinkError {
  const { responseCode, code } = (error ?? {}) as { responseCode?: unknown; code?: unknown };
  const said = typeof responseCode === "number" ? `answered ${responseCode}` : "failed";
  const why = typeof code === "string" ? ` (${oneLine(code)})` : "";
  const isFinal = typeof responseCode === "number" ? responseCode >= 500 : FINAL_CODES.has(code);
  return new SinkError(`channel "${name}": the mail server ${said}${why}`, { retry: isFinal ? "never" : "later" });
}
