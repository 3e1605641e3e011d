using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Demo;

static partial class Responses
{
    /// <summary>The body of a successful response.</summary>
    /// <exception cref="CommandFailedException">Any other status; the message quotes the body.</exception>
    public static async Task<string> TextAsync(this HttpResponseMessage reply, CancellationToken ct)
    {
        var text = await reply.Content.ReadAsStringAsync(ct);
        return reply.IsSuccessStatusCode
            ? text
            : throw new CommandFailedException($"{reply.RequestMessage?.Method} {reply.RequestMessage?.RequestUri} returned {(int)reply.StatusCode}: {Explain(text)}");
    }

    // The alerts of a page; the whole body of a problem+json.
    static string Explain(string body) =>
        Alert().Matches(body) is { Count: > 0 } alerts ? string.Join(' ', alerts.Select(alert => WebUtility.HtmlDecode(alert.Groups[1].Value))) : body;

    [GeneratedRegex("role=\"alert\">(.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex Alert();
}
