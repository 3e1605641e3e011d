using System.Globalization;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Provisioning;

/// <summary>The email about an environment that has as many documents as its plan includes, or more.</summary>
static class DocumentMail
{
    public static MailMessage Create(ControlPlaneOptions options, TenantEnvironment environment, DocumentCount count, string recipient) => new(
        environment.Tenant, string.Create(CultureInfo.InvariantCulture, $"documents:{environment.Tenant}:{count.Announced}:{count.CountedAt:O}:{recipient}"), recipient,
        string.Create(CultureInfo.InvariantCulture, $"Your environment has {count.Documents:N0} of {count.Allowed:N0} documents"),
        string.Create(CultureInfo.InvariantCulture, $"""
        Hello,

        The environment of {MailText.Name(environment.Organization)} has {count.Documents:N0} of the {count.Allowed:N0} documents that your plan includes. Pictures in chats are not counted.

        It accepts no further documents: uploads fail with the message "Error uploading file". Nothing is deleted.
        Delete documents that you no longer need, or change to a larger plan.

          {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app/environment

        CFS LLM Platform
        """));
}
