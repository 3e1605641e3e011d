namespace ControlPlane.Notifications.Mail;

/// <summary>What a mail says, in one language. <see cref="MailLayout"/> makes text and HTML of it.</summary>
/// <param name="Language">ISO 639-1: <see cref="MailLanguage.English"/> or <see cref="MailLanguage.German"/>.</param>
/// <param name="Paragraphs">One idea each. Names that customers chose must have passed <see cref="MailText.Name"/>.</param>
/// <param name="Button">The one thing to do next.</param>
public sealed record MailContent(string Language, string Subject, IReadOnlyList<string> Paragraphs, MailButton Button)
{
    /// <summary>The heading; the subject by default.</summary>
    public string? Heading { get; init; }

    /// <summary>A table of names and values after the paragraphs, such as amount and date.</summary>
    public IReadOnlyList<MailFact> Facts { get; init; } = [];

    /// <summary>After the button: what is good to know and needs no action.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>The company at the end of the mail.</summary>
    public string Sender { get; init; } = "CFS LLM Platform";

    public MailMessage To(Guid tenant, string dedupeKey, string recipient, MailAttachment? attachment = null) =>
        new(tenant, dedupeKey, recipient, Subject, MailLayout.Text(this), attachment) { Html = MailLayout.Html(this) };
}

public sealed record MailFact(string Name, string Value);

public sealed record MailButton(string Label, Uri Link);
