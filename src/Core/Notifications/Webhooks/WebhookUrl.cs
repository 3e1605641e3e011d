using System.Net;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>What may be the address of a webhook.</summary>
public static class WebhookUrl
{
    public const int MaximumLength = 2_000;

    /// <param name="sandbox">Receivers on the developer's own machine are fine there.</param>
    /// <returns>What to enter instead; null when it is right. Whether a name resolves to a public address is judged when it is called.</returns>
    public static string? Problem(string? url, bool sandbox)
    {
        if (url is not { Length: > 0 and <= MaximumLength } || !Uri.TryCreate(url, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttps && !(sandbox && uri.Scheme == Uri.UriSchemeHttp)))
        {
            return sandbox ? "Give an address that starts with https:// or http://." : "Give an address that starts with https://, such as https://example.com/hooks.";
        }

        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
        {
            return "Leave out the user name, password and #fragment: deliveries are signed instead.";
        }

        return !sandbox && (uri.IsLoopback || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && !PublicAddresses.IsPublic(address)))
            ? "This address is not on the public internet: give one that we can reach."
            : null;
    }
}
