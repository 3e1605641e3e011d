using System.Net;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>Validates the URL of a webhook endpoint.</summary>
public static class WebhookUrl
{
    public const int MaxLength = 2_000;

    /// <param name="sandbox">Allows receivers on the developer's own machine.</param>
    /// <returns>What to enter instead; null when the URL is valid. Whether a name resolves to a public address is checked with each request.</returns>
    public static string? Validate(string? url, bool sandbox)
    {
        if (url is not { Length: > 0 and <= MaxLength } || !Uri.TryCreate(url, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttps && !(sandbox && uri.Scheme == Uri.UriSchemeHttp)))
        {
            return sandbox ? "Enter a URL that starts with https:// or http://." : "Enter a URL that starts with https://, such as https://example.com/hooks.";
        }

        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
        {
            return "Remove the user name, password and #fragment. Deliveries are signed instead.";
        }

        return !sandbox && (uri.IsLoopback || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && !PublicAddresses.IsPublic(address)))
            ? "Enter a URL on the public internet."
            : null;
    }
}
