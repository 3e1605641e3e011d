using System.Net;
using System.Text;

namespace ControlPlane.Notifications.Mail;

/// <summary>
/// The one layout of mails that have HTML. Mail programs ignore most of CSS: so it is a table with inline styles, no picture and nothing loaded from
/// elsewhere. The text says the same.
/// </summary>
public static class MailLayout
{
    /// <summary>RFC 2822's recommendation, in characters. A link is never broken.</summary>
    const int TextWidth = 78;

    const string Font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

    public static string Text(MailContent content)
    {
        var text = new StringBuilder();
        text.Append(Hello(content)).Append("\n\n");
        Add(content.Paragraphs);
        if (content.Facts.Count > 0)
        {
            var width = content.Facts.Max(fact => fact.Name.Length) + 2;
            foreach (var fact in content.Facts)
            {
                text.Append($"{fact.Name}:".PadRight(width)).Append(fact.Value).Append('\n');
            }

            text.Append('\n');
        }

        text.Append(content.Button.Label).Append(":\n").Append(content.Button.Link).Append("\n\n");
        Add(content.Remarks);
        return text.Append(content.Sender).ToString();

        void Add(IReadOnlyList<string> paragraphs)
        {
            foreach (var paragraph in paragraphs)
            {
                Wrap(text, paragraph);
                text.Append("\n\n");
            }
        }
    }

    public static string Html(MailContent content) => $"""
        <!DOCTYPE html>
        <html lang="{content.Language}">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light">
        <title>{Encode(content.Subject)}</title>
        </head>
        <body style="margin:0;padding:0;background:#f5f6f4;-webkit-text-size-adjust:100%">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f5f6f4">
        <tr><td align="center" style="padding:24px 12px">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:580px;text-align:left">
        <tr><td style="padding:0 4px 14px;{Font};font-size:15px;font-weight:600;color:#0b6a60">{Encode(content.Sender)}</td></tr>
        <tr><td style="padding:28px 28px 24px;background:#ffffff;border:1px solid #dfe3df;border-radius:10px;{Font};font-size:16px;line-height:1.55;color:#16201e">
        <h1 style="margin:0 0 18px;font-size:21px;line-height:1.3;font-weight:650;color:#16201e">{Encode(content.Heading ?? content.Subject)}</h1>
        {Paragraph(Hello(content))}
        {string.Join('\n', content.Paragraphs.Select(Paragraph))}
        {Facts(content.Facts)}
        <table role="presentation" cellpadding="0" cellspacing="0" style="margin:22px 0 6px"><tr><td style="background:#0b6a60;border-radius:8px">
        <a href="{Encode(content.Button.Link.ToString())}" style="display:inline-block;padding:12px 22px;{Font};font-size:16px;font-weight:600;color:#ffffff;text-decoration:none">{Encode(content.Button.Label)}</a>
        </td></tr></table>
        {string.Join('\n', content.Remarks.Select(Remark))}
        </td></tr>
        <tr><td style="padding:14px 4px 0;{Font};font-size:13px;line-height:1.5;color:#55625e">{Encode(Fallback(content))}<br>
        <span style="word-break:break-all">{Encode(content.Button.Link.ToString())}</span></td></tr>
        </table>
        </td></tr>
        </table>
        </body>
        </html>
        """;

    static string Facts(IReadOnlyList<MailFact> facts)
    {
        if (facts.Count == 0)
        {
            return "";
        }

        var rows = facts.Select(fact => $"""
            <tr><th scope="row" align="left" valign="top" style="padding:8px 16px 8px 0;border-top:1px solid #dfe3df;font-weight:400;color:#55625e">{Encode(fact.Name)}</th>
            <td valign="top" style="padding:8px 0;border-top:1px solid #dfe3df;font-weight:600">{Encode(fact.Value)}</td></tr>
            """);
        return $"""
            <table cellpadding="0" cellspacing="0" width="100%" style="margin:18px 0 0;border-bottom:1px solid #dfe3df;{Font};font-size:15px;line-height:1.45;color:#16201e">
            {string.Join('\n', rows)}
            </table>
            """;
    }

    static string Paragraph(string text) => $"""<p style="margin:0 0 12px">{Encode(text)}</p>""";

    static string Remark(string text) => $"""<p style="margin:14px 0 0;font-size:14px;color:#55625e">{Encode(text)}</p>""";

    static string Hello(MailContent content) => content.Language == MailLanguage.German ? "Guten Tag," : "Hello,";

    static string Fallback(MailContent content) => content.Language == MailLanguage.German
        ? "Wenn die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse im Browser:"
        : "If the button does not work, open this address in your browser:";

    // Also the quotes, because links stand in attributes.
    static string Encode(string text) => WebUtility.HtmlEncode(text);

    static void Wrap(StringBuilder text, string paragraph)
    {
        var column = 0;
        foreach (var word in paragraph.Split(' '))
        {
            if (column > 0 && column + 1 + word.Length > TextWidth)
            {
                text.Append('\n');
                column = 0;
            }
            else if (column > 0)
            {
                text.Append(' ');
                column++;
            }

            text.Append(word);
            column += word.Length;
        }
    }
}
