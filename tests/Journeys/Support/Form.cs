using System.Net;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Support;

static partial class Form
{
    /// <summary>Opens a page and submits one of its forms, as a browser without scripts does. Redirects are followed if the client follows them.</summary>
    public static async Task<HttpResponseMessage> SubmitAsync(this HttpClient browser, string page, string action, params (string Name, string Value)[] fields)
    {
        var html = await (await browser.GetAsync(page)).Content.ReadAsStringAsync();
        var token = WebUtility.HtmlDecode(AntiforgeryField().Match(html).Groups[1].Value);
        var content = fields.Append(("__RequestVerificationToken", token)).Select(field => new KeyValuePair<string, string>(field.Item1, field.Item2));
        return await browser.PostAsync(action, new FormUrlEncodedContent(content));
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex AntiforgeryField();
}
