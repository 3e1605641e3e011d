using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Demo;

/// <summary>A minimal browser: keeps cookies, follows links and redirects, submits forms with their hidden fields.</summary>
sealed partial class Browser(Uri address) : IDisposable
{
    readonly HttpClient _http = new() { BaseAddress = address };

    /// <param name="page">Path, or an absolute URL as in an email.</param>
    /// <returns>HTML.</returns>
    public async Task<string> OpenAsync(string page, CancellationToken ct)
    {
        using var reply = await _http.GetAsync(new Uri(page, UriKind.RelativeOrAbsolute), ct);
        return await reply.TextAsync(ct);
    }

    /// <summary>Opens the page and submits its form whose action is <paramref name="action"/>.</summary>
    /// <returns>HTML of the resulting page.</returns>
    public async Task<string> SubmitAsync(string page, string action, IEnumerable<KeyValuePair<string, string>> entered, CancellationToken ct)
    {
        var form = Form().Matches(await OpenAsync(page, ct)).FirstOrDefault(form => form.Groups["action"].Value == action)
            ?? throw new CommandFailedException($"{page} has no form with the action {action}.");
        var hidden = Input().Matches(form.Groups["fields"].Value).Select(input => Attributes(input.Value))
            .Where(input => input.GetValueOrDefault("type") == "hidden")
            .Select(input => KeyValuePair.Create(input["name"], input.GetValueOrDefault("value", "")));
        using var content = new FormUrlEncodedContent(hidden.Concat(entered));
        using var reply = await _http.PostAsync(new Uri(action, UriKind.Relative), content, ct);
        return await reply.TextAsync(ct);
    }

    public void Dispose() => _http.Dispose();

    static Dictionary<string, string> Attributes(string tag) =>
        Attribute().Matches(tag).ToDictionary(a => a.Groups["name"].Value, a => WebUtility.HtmlDecode(a.Groups["value"].Value));

    [GeneratedRegex("<form[^>]* action=\"(?<action>[^\"]*)\"[^>]*>(?<fields>.*?)</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Input();

    [GeneratedRegex("(?<name>[a-z-]+)=\"(?<value>[^\"]*)\"")]
    private static partial Regex Attribute();
}
