using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Local.Demo;

/// <summary>The platform answered otherwise than it should. The message says to what, and how.</summary>
public sealed class DemoFailureException(string message) : Exception(message);

static partial class Answers
{
    /// <summary>The body of a success.</summary>
    /// <exception cref="DemoFailureException">Any other status; the message says what the body says.</exception>
    public static async Task<string> TextAsync(this HttpResponseMessage reply, CancellationToken ct)
    {
        var text = await reply.Content.ReadAsStringAsync(ct);
        return reply.IsSuccessStatusCode
            ? text
            : throw new DemoFailureException($"{reply.RequestMessage?.Method} {reply.RequestMessage?.RequestUri} was answered with {(int)reply.StatusCode}: {Said(text)}");
    }

    // Of a page its alerts, of a problem+json everything.
    static string Said(string body) =>
        Alert().Matches(body) is { Count: > 0 } alerts ? string.Join(' ', alerts.Select(alert => WebUtility.HtmlDecode(alert.Groups[1].Value))) : body;

    [GeneratedRegex("role=\"alert\">(.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex Alert();
}
