using System.Text.Json;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>What every answer of ours has to be, whatever was asked.</summary>
static class AnswerRules
{
    static readonly string[] Api = ["/v1", "/openapi", "/assets", "/healthz", "/readyz"];
    static readonly string[] Insides = ["   at ", "Exception", "Npgsql", ".cs:line"];

    /// <returns>What is wrong with the answer; null when nothing is.</returns>
    public static async Task<string?> BrokenAsync(HttpResponseMessage reply)
    {
        var status = (int)reply.StatusCode;
        var text = await reply.Content.ReadAsStringAsync();
        if (status >= 500)
        {
            return $"{status}: {text}";
        }

        if (Insides.FirstOrDefault(inside => text.Contains(inside, StringComparison.Ordinal)) is { } seen)
        {
            return $"{status} shows \"{seen}\": {text}";
        }

        // What is not even HTTP is refused by the server below us, without our headers and without a body.
        if (!reply.Headers.Contains("X-Content-Type-Options"))
        {
            return status is 400 or 413 or 414 or 431 && text.Length == 0 ? null : $"{status} without the headers of every answer: {text}";
        }

        return status < 400 || reply.RequestMessage!.Method == HttpMethod.Head ? null : BrokenError(reply, status, text);
    }

    static string? BrokenError(HttpResponseMessage reply, int status, string text)
    {
        var type = reply.Content.Headers.ContentType?.MediaType;
        var path = reply.RequestMessage!.RequestUri!.AbsolutePath;
        var page = type == "text/html" && (path.StartsWith("/v1/verify", StringComparison.Ordinal) || !Array.Exists(Api, api => path.StartsWith(api, StringComparison.Ordinal)));
        return page ? null
            : type != "application/problem+json" ? $"{status} as {type ?? "nothing"}: {text}"
            : JsonDocument.Parse(text).RootElement.TryGetProperty("title", out var title) && title.GetString() is { Length: > 0 } ? null
            : $"{status} without a title: {text}";
    }
}
